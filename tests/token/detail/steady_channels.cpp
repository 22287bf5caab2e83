#include <tamp/token/detail/steady_channels.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <vector>

#include "../../support/instructions.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_steady_channels)

using support::matrix;
using tamp::detail::steady_channels;
using indices = std::vector<std::size_t>;

namespace {

indices steady(const matrix<float>& rows) {
  indices tokens(rows.rows());
  std::iota(tokens.begin(), tokens.end(), std::size_t{0});
  return steady_channels("reader", tamp::view(rows), tokens);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_half_of_lowest_variance_is_kept) {
  BOOST_TEST(steady({{1, 5, 0, 9, 2}, {1, 6, 4, 9, 5}, {1, 5, 8, 9, 3}}) == (indices{0, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(steady({{3}, {4}}) == (indices{0}), boost::test_tools::per_element());
}

// Bounds hold for any mean: numbers of 1e6 with a spread of 1e-2, and constant ones.
BOOST_AUTO_TEST_CASE(bounds_hold) {
  matrix<float> rows = support::random_matrix(200, 6, 4);
  for (std::size_t t = 0; t < 200; ++t) {
    rows(t, 1) = 1e6f + rows(t, 1);
    rows(t, 2) = 0.1f;
    rows(t, 3) = 1e-20f * rows(t, 3);
    rows(t, 4) = t == 0 ? 1e8f : rows(t, 4);
  }
  indices tokens(200), channels(6);
  std::iota(tokens.begin(), tokens.end(), std::size_t{0});
  std::iota(channels.begin(), channels.end(), std::size_t{0});
  const auto bounds = tamp::detail::bound_variances("reader", tamp::view(rows), tokens);
  const auto exact = tamp::detail::exact_variances(tamp::view(rows), tokens, channels);
  BOOST_TEST(exact[2] == 0.0);
  for (std::size_t j = 0; j < 6; ++j) {
    BOOST_TEST(bounds.least[j] <= 200 * exact[j]);
    BOOST_TEST(bounds.most[j] >= 200 * exact[j]);
  }
  for (const std::size_t j : {0u, 1u, 3u, 5u})  // and are narrow
    BOOST_TEST(bounds.most[j] - bounds.least[j] <= 1e-5 * bounds.most[j]);
}

BOOST_AUTO_TEST_CASE(of_equals_the_lower_channel_is_dropped) {
  BOOST_TEST(steady({{1, 2, 3, 4}, {1, 2, 3, 4}}) == (indices{2, 3}),
             boost::test_tools::per_element());
  // Numbers of great mean, which differ by the same amounts.
  BOOST_TEST(steady({{1, 4097, 1, -1}, {2, 4098, 2, -2}, {4, 4100, 4, -4}}) == (indices{2, 3}),
             boost::test_tools::per_element());
}

// Variances that differ by rounding alone are compared by the definition: a mean summed in the order
// of the tokens, and then squares in that order.
BOOST_AUTO_TEST_CASE(variances_that_are_nearly_equal_are_those_of_the_definition) {
  support::with_every_instructions([] {
    for (unsigned seed = 0; seed < 30; ++seed) {
      const std::size_t n = 7 + seed, cols = 40;
      const matrix<float> base = support::random_matrix(n, 1, seed);
      matrix<float> rows(n, cols);
      for (std::size_t t = 0; t < n; ++t)  // each channel has the same numbers in another order
        for (std::size_t j = 0; j < cols; ++j) rows(t, j) = base((t * (j % 5 + 1) + j) % n, 0);
      std::vector<double> variance(cols);
      for (std::size_t j = 0; j < cols; ++j) {
        double mean = 0;
        for (std::size_t t = 0; t < n; ++t) mean += double(rows(t, j));
        mean /= double(n);
        for (std::size_t t = 0; t < n; ++t) {
          volatile double difference = double(rows(t, j)) - mean, square = difference * difference;
          variance[j] += square;
        }
        variance[j] /= double(n);
      }
      indices order(cols);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(), [&](auto a, auto b) {
        return variance[a] > variance[b] || (variance[a] == variance[b] && a < b);
      });
      order.erase(order.begin(), order.begin() + std::ptrdiff_t(cols / 2));
      std::sort(order.begin(), order.end());
      BOOST_TEST(steady(rows) == order, boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
