#include <tamp/allocate/detail/spectral_exponent.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

BOOST_AUTO_TEST_SUITE(allocate_detail_spectral_exponent)

using numbers = std::vector<double>;
using tamp::detail::hill_exponent;
using tamp::detail::mid_exponent;
using tamp::detail::peak_exponent;

namespace {

const auto to_rounding = boost::test_tools::tolerance(1e-14);

// The definition in the header, with the eigenvalues themselves instead of their logarithms.
double peak_by_definition(const numbers& lambda) {
  const std::size_t n = lambda.size();
  std::vector<std::size_t> count(100);
  const double low = std::log10(lambda.front()), high = std::log10(lambda.back());
  for (const double l : lambda)
    ++count[std::min<std::size_t>(99, std::size_t((std::log10(l) - low) / (high - low) * 100))];
  const auto bin = double(std::max_element(count.begin(), count.end()) - count.begin());
  const double peak = std::pow(10, low + (high - low) * bin / 100);
  double best = -1, least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < n; ++i) {
    if (lambda[i] < std::log10(0.95 * peak) || lambda[i] > 1.5 * peak) continue;
    double sum = 0, farthest = 0;
    for (std::size_t k = i; k < n; ++k) sum += std::log(lambda[k] / lambda[i]);
    const double exponent = 1 + double(n - i) / sum;
    for (std::size_t k = i; k < n; ++k)
      farthest = std::max(farthest, std::abs(1 - std::pow(lambda[k] / lambda[i], 1 - exponent) -
                                             double(k - i) / double(n - i)));
    if (farthest < least) least = farthest, best = exponent;
  }
  return best;
}

numbers random_eigenvalues(unsigned seed, double spread) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, spread);
  numbers lambda(5 + seed % 60);
  for (double& l : lambda) l = std::exp(normal(random));
  std::sort(lambda.begin(), lambda.end());
  return lambda;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const numbers four{1, 4, 16, 64}, three{1, 4, 16};
  // The two largest of four over the next smaller one: ln(16 / 4) + ln(64 / 4) = ln 64.
  BOOST_TEST(*hill_exponent(four) == 1 + 2 / std::log(64.0), to_rounding);
  BOOST_TEST(*hill_exponent(three) == 1 + 1 / std::log(4.0), to_rounding);
  // The two largest of four over the smaller of the two: ln 1 + ln(64 / 16) = ln 4. Of three, the
  // two largest as well.
  BOOST_TEST(*mid_exponent(four) == 1 + 2 / std::log(4.0), to_rounding);
  BOOST_TEST(*mid_exponent(three) == 1 + 2 / std::log(4.0), to_rounding);
  // Each has a bin of its own, so that the peak is the first: only 1 lies below 1.5.
  BOOST_TEST(*peak_exponent(four) == 1 + 4 / (std::log(4.0) + std::log(16.0) + std::log(64.0)),
             to_rounding);
}

BOOST_AUTO_TEST_CASE(a_peak_by_hand) {
  // 3 and 3.01 share a bin, whose lower edge is 2.954. Places from log10(0.95 * 2.954) = 0.448 to
  // 1.5 * 2.954 = 4.43 have these distances and exponents; the least distance decides.
  //   1: 0.3415, 1.8149      3: 0.3272, 2.8602      3.01: 0.3647, 2.2452
  const numbers lambda{1, 3, 3.01, 15};
  BOOST_TEST(*peak_exponent(lambda) == 1 + 3 / (std::log(3.01 / 3) + std::log(5.0)), to_rounding);
  BOOST_TEST(*peak_exponent(lambda) == peak_by_definition(lambda), to_rounding);
}

BOOST_AUTO_TEST_CASE(any_peak_is_that_of_the_definition) {
  for (unsigned seed = 0; seed < 200; ++seed)
    for (const double spread : {0.3, 1.0, 3.0}) {
      numbers lambda = random_eigenvalues(seed, spread);
      BOOST_TEST(*peak_exponent(lambda) == peak_by_definition(lambda),
                 boost::test_tools::tolerance(1e-11));
      // The factor counts as if the eigenvalues had been multiplied with it.
      const double given = *peak_exponent(lambda, 2);
      for (double& l : lambda) l *= 100;
      BOOST_TEST(given == peak_by_definition(lambda), boost::test_tools::tolerance(1e-11));
    }
}

BOOST_AUTO_TEST_CASE(the_middle_lies_one_above_hills_for_even_numbers) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const numbers lambda = random_eigenvalues(seed, 1);
    const std::size_t n = lambda.size(), first = n / 2;
    double sum = 0;
    for (std::size_t k = first; k < n; ++k) sum += std::log(lambda[k] / lambda[first]);
    BOOST_TEST(*mid_exponent(lambda) == 1 + double(n - first) / sum,
               boost::test_tools::tolerance(1e-13));
  }
}

BOOST_AUTO_TEST_CASE(factors_of_any_size_do_no_harm) {
  const numbers lambda{1, 3, 3.01, 15};
  for (const double factor : {-1000.0, -300.0, 300.0, 1000.0})
    BOOST_TEST(std::isfinite(*peak_exponent(lambda, factor)));
  // Far below 1 the lower bound is negative and admits all: the same as for 1e-300.
  BOOST_TEST(*peak_exponent(lambda, -1000) == *peak_exponent(lambda, -300), to_rounding);
}

BOOST_AUTO_TEST_CASE(eigenvalues_that_are_zero_to_rounding_do_not_count) {
  const numbers all{-1e-17, 0, 1e-17, 4, 64}, two{4, 64};
  BOOST_TEST(*hill_exponent(all) == *hill_exponent(two));
  BOOST_TEST(*peak_exponent(all) == *peak_exponent(two));
  const numbers three{0, 1, 4, 64};
  BOOST_TEST(*mid_exponent(three) == 1 + 2 / std::log(16.0), to_rounding);
}

BOOST_AUTO_TEST_CASE(where_there_is_no_exponent) {
  const std::vector<numbers> none{{}, {3}, {0, 0, 3}, {0, 0}, {3, 3, 3, 3}};
  for (const auto estimate : {+[](std::span<const double> l) { return hill_exponent(l); },
                              +[](std::span<const double> l) { return mid_exponent(l); },
                              +[](std::span<const double> l) { return peak_exponent(l); }})
    for (const numbers& lambda : none) BOOST_TEST(!estimate(lambda));
  // The published code divides by zero: the middle of two eigenvalues is the larger one.
  BOOST_TEST(!mid_exponent(numbers{1, 4}));
  BOOST_TEST(!mid_exponent(numbers{1, 4, 4}));
}

BOOST_AUTO_TEST_CASE(a_peak_above_all_places_has_no_exponent) {
  // The fullest bin is the last, from 7.08e14. The lower bound, log10(0.95 * 7.08e14) = 14.8,
  // excludes 1, and above the other place all are equal.
  BOOST_TEST(!peak_exponent(numbers{1, 1e15, 1e15}));
}

BOOST_AUTO_TEST_SUITE_END()
