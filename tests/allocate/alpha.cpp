#include <tamp/allocate/alpha.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_alpha)

using support::matrix;
using tamp::allocate::alpha;
using tamp::allocate::spectral_exponent;
using tamp::detail::hill_exponent;
using tamp::execute::sequential;

namespace {

matrix<float> diagonal(std::vector<float> numbers, std::size_t more_columns = 0) {
  matrix<float> m(numbers.size(), numbers.size() + more_columns);
  for (std::size_t k = 0; k < numbers.size(); ++k) m(k, k) = numbers[k];
  return m;
}

double exponent(const matrix<float>& weight) {
  return hill_exponent(
             tamp::detail::spectrum(sequential{}, "w", tamp::detail::source(weight)).eigenvalues)
      .value_or(-1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(eigenvalues_are_squares_of_what_a_diagonal_says) {
  const double expected = 1 + 2 / std::log(64.0);
  BOOST_TEST(exponent(diagonal({4, 1, -8, 2})) == expected, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(exponent(diagonal({4, 1, 8, 2}, 3)) == expected, boost::test_tools::tolerance(1e-12));
  matrix<float> tall(7, 4);
  for (std::size_t k = 0; k < 4; ++k) tall(6 - k, k) = static_cast<float>(1 << k) * 1e30f;
  BOOST_TEST(exponent(tall) == expected, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(eigenvalues_that_are_zero_do_not_count) {
  const double expected = 1 + 1 / std::log(16.0);
  BOOST_TEST(exponent(diagonal({0, 2, 0, 8})) == expected, boost::test_tools::tolerance(1e-12));
  // The same rank twice over: what rounding leaves of the null space is no eigenvalue.
  matrix<float> twice(40, 2);
  for (std::size_t i = 0; i < 40; ++i) {
    twice(i, 0) = static_cast<float>(std::sin(1.0 + 3.0 * static_cast<double>(i)));
    twice(i, 1) = static_cast<float>(i) * twice(i, 0);
  }
  matrix<float> wide(40, 80);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 80; ++j)
      wide(i, j) = twice(i, j % 2) * static_cast<float>(1 + j / 2 % 2);
  BOOST_TEST(exponent(wide) == exponent(twice), boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(weights_without_an_exponent) {
  BOOST_TEST(exponent(matrix<float>(5, 5)) == -1);
  BOOST_TEST(exponent(matrix<float>{{1, 2, 3}}) == -1);
  BOOST_TEST(exponent(matrix<float>(3, 0)) == -1);
  BOOST_TEST(exponent(diagonal({2, -2, 2, 2})) == -1);
}

BOOST_AUTO_TEST_CASE(each_exponent_of_one_weight) {
  // Eigenvalues 1, 4, 16 and 64. The published code gives 1.4808984 as alpha_peak and 2.4426951 as
  // alpha_mid.
  const auto eigenvalues = [](const matrix<float>& w) {
    return tamp::detail::spectrum(sequential{}, "w", tamp::detail::source(w));
  };
  const auto spectrum = eigenvalues(diagonal({1, 2, 4, 8}));
  const auto tolerance = boost::test_tools::tolerance(1e-12);
  BOOST_TEST(*tamp::detail::peak_exponent(spectrum.eigenvalues, spectrum.log10_factor) ==
                 1 + 4 / std::log(4096.0),
             tolerance);
  BOOST_TEST(*tamp::detail::mid_exponent(spectrum.eigenvalues) == 1 + 2 / std::log(4.0), tolerance);
  BOOST_TEST(*hill_exponent(spectrum.eigenvalues) == 1 + 2 / std::log(64.0), tolerance);
}

BOOST_AUTO_TEST_CASE(the_parameter_chooses_the_exponent) {
  const support::units<> units{{{"block 0", {{"a", diagonal({1, 2, 4, 8})}}},
                                {"block 1", {{"b", diagonal({1, 1.5f, 3, 4})}}},
                                {"block 2", {{"c", diagonal({1, 2, 2.5f, 16})}}}}};
  const std::vector<std::size_t> sizes{16, 16, 16};
  std::vector<std::vector<double>> answers;
  for (const auto which :
       {spectral_exponent::alpha_peak, spectral_exponent::alpha_mid, spectral_exponent::hill}) {
    std::vector<double> exponents;
    for (const auto& unit : units.all) {
      const auto s =
          tamp::detail::spectrum(sequential{}, "w", tamp::detail::source(unit.layers[0].weight));
      exponents.push_back(which == spectral_exponent::alpha_peak
                              ? *tamp::detail::peak_exponent(s.eigenvalues, s.log10_factor)
                          : which == spectral_exponent::alpha_mid
                              ? *tamp::detail::mid_exponent(s.eigenvalues)
                              : *hill_exponent(s.eigenvalues));
    }
    const alpha policy{.sparsity = 0.5, .tau = 0.1, .exponent = which};
    answers.push_back(policy(sequential{}, units).sparsities);
    BOOST_TEST(answers.back() == policy.distribute(exponents, sizes).sparsities,
               boost::test_tools::per_element());
  }
  BOOST_TEST((answers[0] != answers[1] && answers[1] != answers[2] && answers[0] != answers[2]));
  BOOST_TEST((alpha{} == alpha{0.5, 0.3, spectral_exponent::alpha_peak}));
}

BOOST_AUTO_TEST_CASE(the_peak_depends_on_the_scale_of_the_weight_as_published) {
  // Three eigenvalues share the bin of the peak, 100. The lower bound, log10(95), admits 4 and 20.
  const auto measured = [](double factor) {
    return *tamp::detail::peak_exponent(std::vector{1.0, 4.0, 20.0, 100.0, 100.1, 100.2, 400.0},
                                        std::log10(factor));
  };
  BOOST_TEST(measured(1) != measured(1e-4));
  BOOST_TEST(measured(1e-4) == measured(1e-9), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(by_hand) {
  // Exponents 2, 3, 6: factors 0.9, 0.95, 1.1, whose mean over 1 + 1 + 2 weights is 1.0125.
  const auto answer =
      alpha{0.5, 0.1}.distribute(std::vector{2.0, 3.0, 6.0}, std::vector<std::size_t>{5, 5, 10});
  BOOST_TEST(answer.sparsities[0] == 0.5 * 0.9 / 1.0125, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.5 * 0.95 / 1.0125, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[2] == 0.5 * 1.1 / 1.0125, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(what_exceeds_one_is_shared_by_the_others) {
  const std::vector<std::size_t> sizes{5, 5, 5};
  const auto answer = alpha{0.95, 0.3}.distribute(std::vector{2.0, 3.0, 4.0}, sizes);
  BOOST_TEST(answer.sparsities[2] == 1.0);
  BOOST_TEST(answer.sparsities[0] < answer.sparsities[1]);
  BOOST_TEST(support::mean_sparsity(answer.sparsities, sizes) == 0.95,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(equal_exponents_are_uniform_and_a_note_says_so) {
  const auto answer = alpha{0.4}.distribute(std::vector{2.5, 2.5}, std::vector<std::size_t>{1, 2});
  BOOST_TEST(answer.sparsities == std::vector(2, 0.4), boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 std::vector<std::string>{"alpha: the exponent is the same everywhere, so that all "
                                          "units get the sparsity 0.4"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_has_the_mean_exponent_of_its_layers) {
  const double one = 1 + 2 / std::log(64.0), other = 1 + 1 / std::log(16.0);
  const support::units<> units{
      {{"block 0", {{"a", diagonal({1, 2, 4, 8})}, {"b", diagonal({0, 2, 0, 8})}}},
       {"block 1", {{"c", diagonal({1, 2, 4, 8})}, {"d", matrix<float>(4, 4)}}},
       {"block 2", {{"e", matrix<float>(1, 32, 1.0f)}}}}};
  const alpha hill{.tau = 0.1, .exponent = spectral_exponent::hill};
  const auto answer = hill(sequential{}, units);
  const double means[] = {(one + other) / 2, one};
  const auto expected = hill.distribute(std::vector{means[0], means[1], (means[0] + means[1]) / 2},
                                        std::vector<std::size_t>{32, 32, 32});
  for (std::size_t u = 0; u < 3; ++u)
    BOOST_TEST(answer.sparsities[u] == expected.sparsities[u], boost::test_tools::tolerance(1e-9));
  BOOST_TEST(
      answer.notes ==
          (std::vector<std::string>{
              "alpha: d, which is 4 x 4, has no spectral exponent",
              "alpha: e, which is 1 x 32, has no spectral exponent",
              "alpha: no exponent could be measured for block 2; the mean of the other units "
              "stands in"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_any_exponent_all_get_the_target) {
  const auto units =
      support::units<>::of_layers({{"a", matrix<float>(3, 3)}, {"b", matrix<float>(1, 3, 2.0f)}});
  BOOST_TEST(alpha{0.4}(sequential{}, units).sparsities == std::vector(2, 0.4),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor_or_the_layout) {
  const auto w = support::random_matrix(12, 9, 4);
  const auto expected = tamp::detail::spectrum(support::one_thread, "w", tamp::detail::source(w));
  BOOST_TEST(std::isfinite(expected.log10_factor));
  const auto compare = [&](const tamp::detail::weight_spectrum& other) {
    BOOST_TEST(other.eigenvalues == expected.eigenvalues, boost::test_tools::per_element());
    BOOST_TEST(other.log10_factor == expected.log10_factor);
  };
  for (const auto& exec : support::every_executor)
    compare(tamp::detail::spectrum(exec, "w", tamp::detail::source(w)));
  support::in_every_layout(
      w, [&](auto m) { compare(tamp::detail::spectrum(support::one_thread, "w", m)); });
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const std::vector<std::size_t> sizes{1, 1};
  support::check_error<tamp::value_error>("alpha: tau lies in [0, 1], and is 1.5", [&] {
    alpha{0.5, 1.5}.distribute(std::vector{1.0, 2.0}, sizes);
  });
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 2", [&] {
    alpha{2}.distribute(std::vector{1.0, 2.0}, sizes);
  });
  support::check_error<tamp::value_error>("alpha: there is no spectral exponent of number 7", [&] {
    alpha{.exponent = static_cast<spectral_exponent>(7)}.distribute(std::vector{1.0, 2.0}, sizes);
  });
  auto units = support::units<>::of_layers({{"a", diagonal({1, 2, 4})}});
  units.all[0].layers[0].weight(2, 1) = support::not_a_number;
  support::check_error<tamp::value_error>("alpha: the weight in row 2, column 1 of a is nan",
                                          [&] { alpha{}(sequential{}, units); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<alpha, tamp::role::allocate>);
  static_assert(alpha::unit == tamp::granularity::block);
  BOOST_TEST(tamp::label(alpha{0.7}) == "alpha 0.7 0.3 alpha_peak");
  BOOST_TEST(tamp::label(alpha{0.7, 0.1, spectral_exponent::alpha_mid}) ==
             "alpha 0.7 0.1 alpha_mid");
  BOOST_TEST(tamp::label(alpha{.exponent = spectral_exponent::hill}) == "alpha 0.5 0.3 hill");
  BOOST_TEST((alpha{0.7} != alpha{0.7, 0.2}));
  BOOST_TEST((alpha{} != alpha{.exponent = spectral_exponent::hill}));
}

BOOST_AUTO_TEST_SUITE_END()
