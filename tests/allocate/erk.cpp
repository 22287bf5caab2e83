#include <tamp/allocate/erk.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_erk)

using support::matrix;
using tamp::allocate::erk;
using tamp::execute::sequential;

BOOST_AUTO_TEST_CASE(by_hand) {
  // 4 x 4 and 8 x 8: of 80 weights 40 stay, shared 8 : 16, which is 13 1/3 of 16 and 26 2/3 of 64.
  const auto units =
      support::units<>::of_layers({{"a", matrix<float>(4, 4)}, {"b", matrix<float>(8, 8)}});
  const auto answer = erk{0.5}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 1 - 5.0 / 6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 1 - 5.0 / 12, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(a_layer_that_would_exceed_itself_stays_whole) {
  // Of 80 weights 60 stay; 8 : 16 would give the first 20 of its 16.
  const auto units =
      support::units<>::of_layers({{"a", matrix<float>(4, 4)}, {"b", matrix<float>(8, 8)}});
  const auto answer = erk{0.25}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.0);
  BOOST_TEST(answer.sparsities[1] == 20.0 / 64, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes == std::vector<std::string>{"erk: kept whole, because of their shape: a"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(layers_of_one_shape_are_uniform) {
  const auto units = support::units<>::of_layers(
      {{"a", matrix<float>(3, 5)}, {"b", matrix<float>(5, 3)}, {"c", matrix<float>(3, 5)}});
  const auto answer = erk{0.3}(sequential{}, units);
  for (const double s : answer.sparsities)
    BOOST_TEST(s == 0.3, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_unit_of_two_layers_adds_up_their_shapes) {
  const support::units<> units{{{"u", {{"a", matrix<float>(4, 4)}, {"b", matrix<float>(2, 8)}}},
                                {"v", {{"c", matrix<float>(4, 8)}}}}};
  const auto answer = erk{0.5}(sequential{}, units);
  const auto expected =
      erk{0.5}.distribute(std::vector{18.0, 12.0}, std::vector<std::size_t>{32, 32});
  BOOST_TEST(answer.sparsities == expected.sparsities, boost::test_tools::per_element());
  BOOST_TEST(answer.sparsities[0] == 0.4, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(nothing_and_all_and_empty_layers) {
  const std::vector<double> shape{8, 16, 5};
  const std::vector<std::size_t> sizes{16, 64, 0};
  BOOST_TEST(erk{0}.distribute(shape, sizes).sparsities == std::vector(3, 0.0),
             boost::test_tools::per_element());
  BOOST_TEST(erk{1}.distribute(shape, sizes).sparsities == std::vector(3, 1.0),
             boost::test_tools::per_element());
  BOOST_TEST(erk{0.5}.distribute(shape, sizes).sparsities[1] == 1 - 5.0 / 12,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(erk{}.distribute({}, {}).sparsities.empty());
  // A unit without rows and columns to speak of gets what others leave.
  BOOST_TEST(
      erk{0.5}.distribute(std::vector{5e-324, 0.0}, std::vector<std::size_t>{2, 2}).sparsities ==
          (std::vector{0.0, 1.0}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_mean_is_on_target_and_open_layers_keep_the_proportion) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> fraction(0, 1);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> shape;
    std::vector<std::size_t> sizes;
    for (std::size_t u = 1 + random() % 12; u-- > 0;) {
      const std::size_t rows = 1 + random() % 300, cols = 1 + random() % 300;
      shape.push_back(static_cast<double>(rows + cols));
      sizes.push_back(rows * cols);
    }
    const double target = fraction(random);
    const auto answer = erk{target}.distribute(shape, sizes);
    BOOST_TEST(std::abs(support::mean_sparsity(answer.sparsities, sizes) - target) < 1e-12);
    double c = NAN;
    for (std::size_t u = 0; u < sizes.size(); ++u) {
      const double density = 1 - answer.sparsities[u];
      BOOST_TEST((density >= 0 && density <= 1));
      const double mine = density * static_cast<double>(sizes[u]) / shape[u];
      if (density == 1) continue;
      if (std::isnan(c)) c = mine;
      BOOST_TEST(std::abs(mine - c) <= 1e-9 * c);
    }
  }
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 1.01", [] {
    erk{1.01}.distribute(std::vector{1.0}, std::vector<std::size_t>{1});
  });
  support::check_error<tamp::shape_error>(
      "erk: 1 values of the number of rows and columns for 2 units",
      [] { erk{}.distribute(std::vector{1.0}, std::vector<std::size_t>{1, 1}); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<erk, tamp::role::allocate>);
  static_assert(!tamp::detail::needs_statistic<erk>);
  BOOST_TEST(tamp::label(erk{0.7}) == "erk 0.7");
  BOOST_TEST((erk{0.7} != erk{0.6}));
}

BOOST_AUTO_TEST_SUITE_END()
