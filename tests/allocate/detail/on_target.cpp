#include <tamp/allocate/detail/on_target.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_on_target)

using tamp::detail::on_target;
using tamp::detail::spread_density;

BOOST_AUTO_TEST_CASE(values_on_target_come_out_to_the_bit) {
  const std::vector<double> values{0.1, 0.7, 0.4};
  const auto answer = on_target("p", values, std::vector<std::size_t>{1, 1, 1}, 0.4);
  BOOST_TEST(answer.sparsities == values, boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(values_off_target_are_shifted) {
  // Over 1 + 3 weights the mean is 0.35: all rise by 0.15.
  const auto answer = on_target("p", std::vector{0.2, 0.4}, std::vector<std::size_t>{1, 3}, 0.5);
  BOOST_TEST(answer.sparsities[0] == 0.35, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(answer.sparsities[1] == 0.55, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(what_one_unit_cannot_take_the_others_share) {
  // 1.4 is cut to 1; the 0.4 over goes to the two others in equal parts.
  const std::vector<std::string> names{"a", "b", "c"};
  const auto answer =
      on_target("p", std::vector{1.4, 0.5, 0.2}, std::vector<std::size_t>{5, 5, 5}, 0.7, names);
  BOOST_TEST(answer.sparsities[0] == 1.0);
  BOOST_TEST(answer.sparsities[1] == 0.7, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(answer.sparsities[2] == 0.4, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(answer.notes ==
                 std::vector<std::string>{
                     "p: clamped to the sparsity 1: a; the other units share the difference"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(both_bounds_can_be_reached_at_once) {
  // 2 and -1 are cut; what is left, 0.5 * 8 - 1 * 2 = 2 of 4 weights, gives the third 0.5.
  const auto answer =
      on_target("p", std::vector{2.0, -1.0, 0.3}, std::vector<std::size_t>{2, 2, 4}, 0.5);
  BOOST_TEST(answer.sparsities == (std::vector{1.0, 0.0, 0.5}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 (std::vector<std::string>{
                     "p: clamped to the sparsity 0: unit 1; the other units share the difference",
                     "p: clamped to the sparsity 1: unit 0; the other units share the difference"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(targets_of_nothing_and_of_all) {
  const std::vector<double> values{0.3, 0.5, 0.9};
  const std::vector<std::size_t> sizes{3, 1, 2};
  BOOST_TEST(on_target("p", values, sizes, 0).sparsities == std::vector(3, 0.0),
             boost::test_tools::per_element());
  BOOST_TEST(on_target("p", values, sizes, 1).sparsities == std::vector(3, 1.0),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(units_without_weights_do_not_count) {
  const auto answer = on_target("p", std::vector{0.9, 0.2}, std::vector<std::size_t>{0, 4}, 0.3);
  BOOST_TEST(answer.sparsities[1] == 0.3, boost::test_tools::tolerance(1e-15));
  const auto none = on_target("p", std::vector{0.9, 1.2}, std::vector<std::size_t>{0, 0}, 0.3);
  BOOST_TEST(none.sparsities == std::vector(2, 0.3), boost::test_tools::per_element());
  BOOST_TEST(on_target("p", {}, {}, 0.3).sparsities.empty());
}

BOOST_AUTO_TEST_CASE(the_mean_is_on_target_and_the_order_is_kept) {
  std::mt19937 random(1);
  std::normal_distribution<double> value(0.5, 0.6);
  std::uniform_real_distribution<double> fraction(0, 1);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> values(1 + random() % 30);
    std::vector<std::size_t> sizes(values.size());
    for (double& v : values) v = value(random);
    for (std::size_t& n : sizes) n = random() % 1000000;
    sizes[0] += 1;
    const double target = fraction(random);
    const auto answer = on_target("p", values, sizes, target);
    BOOST_TEST(std::abs(support::mean_sparsity(answer.sparsities, sizes) - target) < 1e-13);
    // One shift for all that are not clamped.
    double shift = NAN;
    for (std::size_t u = 0; u < values.size(); ++u) {
      const double s = answer.sparsities[u];
      BOOST_REQUIRE((s >= 0 && s <= 1));
      if (s == 0 || s == 1) continue;
      if (std::isnan(shift)) shift = s - values[u];
      BOOST_TEST(std::abs(s - values[u] - shift) < 1e-14);
    }
    for (std::size_t u = 0; u < values.size(); ++u)
      for (std::size_t v = 0; v < values.size(); ++v)
        if (values[u] < values[v]) BOOST_TEST(answer.sparsities[u] <= answer.sparsities[v]);
  }
}

BOOST_AUTO_TEST_CASE(a_target_that_is_no_sparsity_is_refused) {
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 1.5", [] {
    on_target("p", std::vector{0.5}, std::vector<std::size_t>{4}, 1.5);
  });
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not nan", [] {
    on_target("p", std::vector{0.5}, std::vector<std::size_t>{4}, NAN);
  });
}

BOOST_AUTO_TEST_CASE(the_largest_value_keeps_most_of_an_interval_of_density) {
  // Scaled to 0, 0.05, 0.2 of the width, mean 0.25 / 3.
  const auto answer = spread_density("p", "weight", std::vector{1.0, 2.0, 5.0},
                                     std::vector<std::size_t>{7, 7, 7}, 0.2, 0.5, {});
  const double expected[] = {0.5 + 0.25 / 3, 0.45 + 0.25 / 3, 0.3 + 0.25 / 3};
  for (std::size_t u = 0; u < 3; ++u)
    BOOST_TEST(answer.sparsities[u] == expected[u], boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(values_next_to_each_other_stay_finite) {
  const auto answer = spread_density("p", "weight", std::vector{0.0, 5e-324},
                                     std::vector<std::size_t>{7, 7}, 0.2, 0.5, {});
  BOOST_TEST(answer.sparsities[0] == 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.4, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_SUITE_END()
