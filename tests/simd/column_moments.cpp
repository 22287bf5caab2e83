#include <tamp/simd/column_moments.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_column_moments)

using support::matrix;
using support::with_every_instructions;
using tamp::detail::with_column_moments;

namespace {

struct moments {
  std::vector<double> means, squares;
  double total = 0;

  explicit moments(std::size_t cols) : means(cols), squares(cols) {}
  // Merges rows [first, first + count).
  template <class T>
  void merge(const matrix<T>& x, const std::vector<double>& weights, std::size_t first,
             std::size_t count) {
    std::vector<const T*> rows;
    double own = 0;
    for (std::size_t t = first; t < first + count; ++t) {
      rows.push_back(x.data() + t * x.cols());
      own += weights[t];
    }
    const double share = own / (total + own);
    with_column_moments([&](auto loops) {
      loops.merge_rows(rows.data(), weights.data() + first, count, x.cols(), own, share,
                       total * share, means.data(), squares.data());
    });
    total += own;
  }
  friend bool operator==(const moments&, const moments&) = default;
};

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_merged_as_the_definition_says_with_the_same_bits_everywhere) {
  for (const std::size_t cols : {1u, 15u, 16u, 17u, 100u}) {
    const auto x = support::random_matrix(21, cols, 1);
    std::vector<double> weights(21);
    for (std::size_t t = 0; t < 21; ++t) weights[t] = 0.1 + static_cast<double>(t % 5);
    std::vector<moments> all;
    with_every_instructions([&] {
      moments seen(cols);
      seen.merge(x, weights, 0, 8);
      seen.merge(x, weights, 8, 8);
      seen.merge(x, weights, 16, 5);
      all.push_back(seen);
    });
    for (const auto& seen : all) BOOST_TEST((seen == all.front()));
    for (std::size_t j = 0; j < cols; ++j) {
      double sum = 0, total = 0, squares = 0;
      for (std::size_t t = 0; t < 21; ++t) sum += weights[t] * double{x(t, j)}, total += weights[t];
      for (std::size_t t = 0; t < 21; ++t)
        squares += weights[t] * std::pow(double{x(t, j)} - sum / total, 2);
      BOOST_TEST(std::abs(all[0].means[j] - sum / total) < 1e-14);
      BOOST_TEST(all[0].squares[j] == squares, boost::test_tools::tolerance(1e-13));
    }
  }
}

BOOST_AUTO_TEST_CASE(elements_are_merged_like_the_numbers_they_are) {
  const auto halves = support::as<tamp::f16>(support::random_matrix(6, 35, 2));
  const auto numbers = support::as<float>(halves);
  const std::vector<double> weights(6, 1.0);
  with_every_instructions([&] {
    moments of_halves(35), of_numbers(35);
    of_halves.merge(halves, weights, 0, 6);
    of_numbers.merge(numbers, weights, 0, 6);
    BOOST_TEST((of_halves == of_numbers));
  });
}

BOOST_AUTO_TEST_CASE(equal_numbers_do_not_deviate_at_all) {
  const matrix<double> x(8, 20, 0.1);
  std::vector<double> weights;
  for (std::size_t t = 0; t < 8; ++t) weights.push_back(0.1 * static_cast<double>(t + 1));
  with_every_instructions([&] {
    moments seen(20);
    seen.merge(x, weights, 0, 3);
    seen.merge(x, weights, 3, 5);
    BOOST_TEST((seen.means == std::vector<double>(20, 0.1)));
    BOOST_TEST((seen.squares == std::vector<double>(20, 0.0)));
  });
}

BOOST_AUTO_TEST_SUITE_END()
