#include <tamp/refine/swaps.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/instructions.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(refine_swaps)

using support::check_error;
using support::correlated;
using support::gram_of;
using support::matrix;
using support::without_smallest;
using tamp::mask::bitmask;
using tamp::pattern::n_of_m;
using tamp::refine::swaps;
using tamp::stat::gram;

namespace {

// Small whole numbers, of which all sums are exact and many are equal.
matrix<float> whole_numbers(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> number(-2, 2);
  matrix<float> m(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) m.data()[k] = float(number(random));
  return m;
}

double error_of(const std::vector<double>& r, const gram& g) {
  double sum = 0;
  for (std::size_t i = 0; i < r.size(); ++i)
    for (std::size_t j = 0; j < r.size(); ++j) sum += r[i] * g.matrix()(i, j) * r[j];
  return sum;
}

std::vector<double> dropped_of(const matrix<float>& w, const bitmask& keep, std::size_t i) {
  std::vector<double> r(w.cols());
  for (std::size_t j = 0; j < w.cols(); ++j) r[j] = keep(i, j) ? 0.0 : double(w(i, j));
  return r;
}

// The definition: each time the best of all pairs, the first of those that are equal.
bitmask by_definition(const matrix<float>& w, const bitmask& keep, const gram& g, std::size_t most,
                      std::size_t group = 0) {
  bitmask refined = keep;
  const auto G = g.matrix();
  for (std::size_t i = 0; i < w.rows(); ++i) {
    const auto r = dropped_of(w, keep, i);
    std::vector<double> c(w.cols());
    for (std::size_t j = 0; j < w.cols(); ++j)
      for (std::size_t k = 0; k < w.cols(); ++k) c[j] += G(j, k) * r[k];
    const double least = -1e-12 * error_of(r, g);
    for (std::size_t made = 0; made < most; ++made) {
      double best = std::numeric_limits<double>::infinity();
      std::size_t kept = 0, dropped = 0;
      for (std::size_t u = 0; u < w.cols(); ++u)
        for (std::size_t p = 0; p < w.cols(); ++p) {
          if (!refined(i, u) || refined(i, p) || (group != 0 && u / group != p / group)) continue;
          const double wu = double(w(i, u)), wp = double(w(i, p));
          const double d = (2 * wu * c[u] + wu * wu * G(u, u)) +
                           (wp * wp * G(p, p) - 2 * wp * c[p]) - 2 * (wu * wp) * G(u, p);
          if (d < best) best = d, kept = u, dropped = p;
        }
      if (!(best < least)) break;
      refined.set(i, kept, false);
      refined.set(i, dropped, true);
      for (std::size_t j = 0; j < w.cols(); ++j)
        c[j] += double(w(i, kept)) * G(j, kept) - double(w(i, dropped)) * G(j, dropped);
    }
  }
  return refined;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One token, on which all features are 1: the error is the square of the sum of the dropped
  // weights. Of 1 and -2, whose sum is -1, every exchange leaves a sum of -1 or more than that.
  const matrix<float> x{{1, 1, 1, 1}}, w{{1, -2, 3, -4}};
  bitmask keep(1, 4);
  keep.set(0, 0, false);
  keep.set(0, 1, false);
  const auto stays = swaps{}(w, keep, gram_of(x));
  BOOST_TEST(stays.keep == keep);
  BOOST_TEST(stays.error.before == 1.0);
  BOOST_TEST(stays.error.after == 1.0);
  BOOST_TEST(stays.error.swaps == 0u);
  // Of 1 and 3, whose sum is 4, -2 for 1 leaves 1, -2 for 3 and -4 for 1 leave -1. The lowest u is
  // the second column, and the lowest p the first.
  bitmask other(1, 4);
  other.set(0, 0, false);
  other.set(0, 2, false);
  const auto better = swaps{}(w, other, gram_of(x));
  BOOST_TEST(better.error.before == 16.0);
  BOOST_TEST(better.error.after == 1.0);
  BOOST_TEST(better.error.swaps == 1u);
  BOOST_TEST(better.keep(0, 0));
  BOOST_TEST(!better.keep(0, 1));
  BOOST_TEST(!better.keep(0, 2));
  BOOST_TEST(better.keep(0, 3));
}

BOOST_AUTO_TEST_CASE(the_pair_is_that_of_a_search_through_all_pairs) {
  for (const unsigned seed : {1u, 2u, 3u})
    for (const std::size_t cols : {1u, 2u, 7u, 33u, 70u}) {
      auto x = correlated(2 * cols, cols, seed), w = support::random_matrix(5, cols, seed + 10);
      for (std::size_t t = 0; t < x.rows(); ++t)
        for (std::size_t j = 0; j < cols; j += 3) x(t, j) *= 20;  // reaches differ
      const gram g = gram_of(x);
      for (const double sparsity : {0.0, 0.3, 0.6, 1.0}) {
        const bitmask keep = without_smallest(w, sparsity);
        for (const std::size_t most : {1u, 4u, 100u}) {
          const auto refined = swaps{most}(w, keep, g);
          BOOST_TEST((refined.keep == by_definition(w, keep, g, most)));
        }
        const auto grouped = swaps{9}(w, keep, g, n_of_m<2, 4>{});
        BOOST_TEST((grouped.keep == by_definition(w, keep, g, 9, 4)));
      }
    }
}

BOOST_AUTO_TEST_CASE(equal_pairs_are_taken_in_order_of_the_kept_and_then_the_dropped_column) {
  for (const unsigned seed : {1u, 2u, 3u, 4u})
    for (const std::size_t cols : {6u, 20u, 61u}) {
      auto x = whole_numbers(9, cols, seed), w = whole_numbers(6, cols, seed + 20);
      for (std::size_t t = 0; t < x.rows(); ++t) {  // twins, and a feature that was always zero
        for (std::size_t j = 1; j < cols; j += 2) x(t, j) = x(t, j - 1);
        x(t, cols - 1) = 0;
      }
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 1; j < cols; j += 2) w(i, j) = w(i, j - 1);
      for (std::size_t j = 0; j < cols; ++j) w(5, j) = 0;
      const gram g = gram_of(x);
      for (const double sparsity : {0.25, 0.5, 0.75}) {
        const bitmask keep = without_smallest(w, sparsity);
        for (const std::size_t most : {1u, 50u}) {
          const auto refined = swaps{most}(w, keep, g);
          BOOST_TEST((refined.keep == by_definition(w, keep, g, most)));
          const auto grouped = swaps{most}(w, keep, g, n_of_m<4, 8>{});
          BOOST_TEST((grouped.keep == by_definition(w, keep, g, most, 8)));
        }
      }
    }
}

BOOST_AUTO_TEST_CASE(counts_stay_and_the_error_never_grows) {
  const auto x = correlated(90, 50, 4), w = support::random_matrix(8, 50, 5);
  const gram g = gram_of(x);
  const bitmask keep = without_smallest(w, 0.6);
  const bitmask groups = tamp::select(w, tamp::compose(tamp::score::magnitude{}, n_of_m<2, 4>{}));
  double last = std::numeric_limits<double>::infinity();
  for (std::size_t most = 0; most < 20; ++most) {
    const auto refined = swaps{most}(w, keep, g);
    for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(refined.keep.count(i) == keep.count(i));
    BOOST_TEST(refined.error.swaps <= 8 * most);
    BOOST_TEST(refined.error.after <= last);
    last = refined.error.after;
    double before = 0, after = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      before += error_of(dropped_of(w, keep, i), g);
      after += error_of(dropped_of(w, refined.keep, i), g);
    }
    BOOST_TEST(refined.error.before == before, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(refined.error.after == after, boost::test_tools::tolerance(1e-12));
    const auto grouped = swaps{most}(w, groups, g, n_of_m<2, 4>{});
    for (std::size_t i = 0; i < 8; ++i)
      for (std::size_t j = 0; j + 4 <= 50; j += 4)
        BOOST_TEST(grouped.keep(i, j) + grouped.keep(i, j + 1) + grouped.keep(i, j + 2) +
                       grouped.keep(i, j + 3) ==
                   2);
  }
  BOOST_TEST(last < 0.7 * swaps{0}(w, keep, g).error.after);
}

BOOST_AUTO_TEST_CASE(it_goes_on_where_it_stopped) {
  const auto x = correlated(60, 40, 6), w = support::random_matrix(4, 40, 7);
  const gram g = gram_of(x);
  const auto once = swaps{10}(w, without_smallest(w, 0.5), g);
  const auto twice = swaps{4}(w, swaps{6}(w, without_smallest(w, 0.5), g).keep, g);
  BOOST_TEST((once.keep == twice.keep));
}

BOOST_AUTO_TEST_CASE(without_correlation_wanda_is_optimal) {
  matrix<float> x(8, 8);  // every feature on a token of its own
  for (std::size_t j = 0; j < 8; ++j) x(j, j) = float(j + 1);
  const auto w = support::random_matrix(5, 8, 1);
  matrix<float> scaled = w;
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 8; ++j) scaled(i, j) *= float(j + 1);
  BOOST_TEST(swaps{}(w, without_smallest(scaled, 0.5), gram_of(x)).error.swaps == 0u);
  BOOST_TEST(swaps{}(w, without_smallest(w, 0.5), gram_of(x)).keep ==
             without_smallest(scaled, 0.5));
}

BOOST_AUTO_TEST_CASE(layouts_executors_and_instructions_change_no_bit) {
  const auto x = correlated(50, 37, 8), w = support::random_matrix(9, 37, 9);
  const gram g = gram_of(x);
  const bitmask keep = without_smallest(w, 0.5);
  const auto expected = swaps{}(support::one_thread, w, keep, g);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((swaps{}(exec, w, keep, g) == expected), exec << " give another result");
  support::in_every_layout(w, [&](auto m) { BOOST_TEST((swaps{}(m, keep, g) == expected)); });
  support::with_every_instructions([&] { BOOST_TEST((swaps{}(w, keep, g) == expected)); });
  BOOST_TEST((swaps{}(support::readable_rows{w}, keep, g) == expected));
}

BOOST_AUTO_TEST_CASE(the_gram_matrix_may_be_any_matrix_of_double) {
  const auto x = correlated(50, 20, 8), w = support::random_matrix(3, 20, 9);
  const gram g = gram_of(x);
  const bitmask keep = without_smallest(w, 0.5);
  matrix<double> numbers(20, 20);
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0; j < 20; ++j) numbers(i, j) = g.matrix()(i, j);
  const auto expected = swaps{}(w, keep, g);
  BOOST_TEST((swaps{}(w, keep, numbers) == expected));
  const tamp::matrix_view<const double> columns(numbers.data(), 20, 20, 1, 20);
  BOOST_TEST((swaps{}(w, keep, columns) == expected));
  check_error<tamp::shape_error>(
      "swaps: neither rows nor columns of the Gram matrix are contiguous", [&] {
        const tamp::matrix_view<const double> gaps(numbers.data(), 10, 10, 40, 2);
        const auto narrow = support::random_matrix(3, 10, 9);
        swaps{}(narrow, without_smallest(narrow, 0.5), gaps);
      });
}

BOOST_AUTO_TEST_CASE(weights_without_elements_have_nothing_to_swap) {
  const gram none = gram_of(matrix<float>(2, 0)), some = gram_of(correlated(5, 4, 1));
  const auto empty = swaps{}(matrix<float>(0, 4), bitmask(0, 4), some);
  BOOST_TEST(empty.keep.size() == 0u);
  BOOST_TEST((empty.error == tamp::refine::layer_errors{}));
  BOOST_TEST(swaps{}(matrix<float>(3, 0), bitmask(3, 0), none).keep.rows() == 3u);
}

BOOST_AUTO_TEST_CASE(unusable_input_is_refused) {
  const auto w = support::random_matrix(2, 4, 1);
  const gram g = gram_of(correlated(9, 4, 2));
  const bitmask keep = without_smallest(w, 0.5);
  check_error<tamp::shape_error>("swaps: the mask is 3 x 4, the weight 2 x 4",
                                 [&] { swaps{}(w, bitmask(3, 4), g); });
  check_error<tamp::shape_error>("swaps: the weight has 4 columns, the statistics cover 5",
                                 [&] { swaps{}(w, keep, gram_of(correlated(9, 5, 2))); });
  check_error<tamp::value_error>("swaps: the statistics have seen no activations",
                                 [&] { swaps{}(w, keep, gram_of(matrix<float>(0, 4))); });
  check_error<tamp::value_error>("swaps: the tolerance is -1", [&] { swaps{25, -1}(w, keep, g); });
  auto broken = w;
  broken(1, 2) = support::not_a_number;
  check_error<tamp::value_error>("swaps: the weight in row 1, column 2 is nan",
                                 [&] { swaps{}(broken, keep, g); });
  matrix<double> numbers(4, 4);
  for (std::size_t j = 0; j < 4; ++j) numbers(j, j) = 1;
  check_error<tamp::shape_error>("swaps: the Gram matrix is 3 x 4",
                                 [&] { swaps{}(w, keep, matrix<double>(3, 4)); });
  auto infinite = numbers;
  infinite(2, 1) = std::numeric_limits<double>::infinity();
  check_error<tamp::value_error>("swaps: the statistic of features 2 and 1 is inf",
                                 [&] { swaps{}(w, keep, infinite); });
  auto negative = numbers;
  negative(3, 3) = -1;
  check_error<tamp::value_error>("swaps: the statistic of features 3 and 3 is -1",
                                 [&] { swaps{}(w, keep, negative); });
  auto dead = numbers;
  dead(1, 1) = 0;
  dead(0, 1) = 2;
  check_error<tamp::value_error>(
      "swaps: the statistic of features 0 and 1 is 2, and that of 1 with itself 0: this is no Gram "
      "matrix",
      [&] { swaps{}(w, keep, dead); });
  matrix<double> huge(2, 4, 1e200);
  check_error<tamp::value_error>(
      "swaps: the weights in row 0 and the statistics are too large: their errors may leave the "
      "range of double",
      [&] { swaps{}(huge, keep, g); });
}

BOOST_AUTO_TEST_CASE(its_label_says_how_many_swaps) {
  BOOST_TEST(swaps{}.label() == "swaps 25");
  BOOST_TEST((swaps{3} == swaps{.per_row = 3}));
}

BOOST_AUTO_TEST_SUITE_END()
