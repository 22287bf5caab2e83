#include <tamp/pattern/per_row.hpp>

#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "../support/by_sorting.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_per_row)

using support::infinity;
using support::matrix;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::per_row;

namespace {

constexpr double sparsities[] = {0, 0.01, 0.1, 0.29, 0.5, 0.7, 0.9, 0.999, 1};

template <class Weight>
bitmask by_magnitude(const Weight& weight, double sparsity,
                     const support::any_executor& exec = support::one_thread) {
  return tamp::select(exec, weight,
                      tamp::compose(tamp::score::magnitude{}, per_row{}, uniform{sparsity}));
}

// The mask of one row of scores, as text.
template <class Score>
std::string row(const std::vector<Score>& scores, double sparsity) {
  bitmask keep(1, scores.size());
  per_row::row_selector<Score>(scores.size(), sparsity)(scores, keep.row(0));
  std::ostringstream out;
  out << keep;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Half of each row: 1 and 2 of the first, 0.5 and 3 of the second.
  const matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  std::ostringstream out;
  out << by_magnitude(weight, 0.5);
  BOOST_TEST(out.str() == "#..#\n.##.\n");
}

BOOST_AUTO_TEST_CASE(the_count_is_rounded_down) {
  const std::vector<float> scores{3, 1, 4, 2, 5};
  BOOST_TEST(row(scores, 0.19) == "#####\n");
  BOOST_TEST(row(scores, 0.2) == "#.###\n");
  BOOST_TEST(row(scores, 0.59) == "#.#.#\n");
  BOOST_TEST(row(scores, 0.6) == "..#.#\n");
  BOOST_TEST(row(scores, 0.99) == "....#\n");
  // 0.29 * 100 is 28.999999999999996 in double, and the published code drops 28 of 100.
  const auto weight = support::random_matrix(1, 100, 1);
  BOOST_TEST(by_magnitude(weight, 0.29).count() == 72u);
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_leftmost_go) {
  BOOST_TEST(row<float>({7, 7, 7, 7, 7, 7}, 0.5) == "...###\n");
  BOOST_TEST(row<float>({1, 2, 1, 2, 1, 2}, 0.5) == ".#.#.#\n");
  BOOST_TEST(row<float>({2, 1, 2, 1, 2, 1}, 0.67) == "..#.#.\n");
  BOOST_TEST(row<float>({2, 1, 2, 1, 2, 9}, 0.5) == "..#.##\n");
  BOOST_TEST(row<float>({0.0f, -0.0f, 0.0f, -0.0f}, 0.5) == "..##\n");
  BOOST_TEST(row<float>({-0.0f, 0.0f, -0.0f, 0.0f}, 0.5) == "..##\n");
}

BOOST_AUTO_TEST_CASE(every_number_but_nan_is_a_score) {
  BOOST_TEST(row<float>({infinity, 1, -infinity, 0}, 0.25) == "##.#\n");
  BOOST_TEST(row<float>({infinity, infinity, 5, infinity}, 0.5) == ".#.#\n");
  BOOST_TEST(row<float>({-1, -2, -3, -4}, 0.5) == "##..\n");
  BOOST_TEST(row<float>({-1, infinity, -infinity, 0, -0.0f, 3}, 0.5) == ".#..##\n");
  BOOST_TEST(row<float>({1e-45f, 0, 2e-45f, 3e-45f}, 0.5) == "..##\n");
  BOOST_TEST(row<double>({1 + 2e-16, 1, 1 + 4e-16, 1}, 0.5) == "#.#.\n");
}

BOOST_AUTO_TEST_CASE(nothing_or_everything_goes) {
  const auto weight = support::matrix_of_ties(3, 70, 1);
  BOOST_TEST(by_magnitude(weight, 0) == bitmask(3, 70));
  BOOST_TEST(by_magnitude(weight, 1) == bitmask(3, 70, false));
}

BOOST_AUTO_TEST_CASE(one_row_one_column_no_row_no_column) {
  BOOST_TEST(by_magnitude(matrix<float>{{3, 1, 2}}, 0.4).count() == 2u);
  const matrix<float> column{{3}, {1}, {0}};
  BOOST_TEST(by_magnitude(column, 0.99) == bitmask(3, 1));
  BOOST_TEST(by_magnitude(column, 1) == bitmask(3, 1, false));
  for (const double sparsity : sparsities) {
    BOOST_TEST(by_magnitude(matrix<float>(0, 5), sparsity) == bitmask(0, 5));
    BOOST_TEST(by_magnitude(matrix<float>(5, 0), sparsity) == bitmask(5, 0));
    BOOST_TEST(by_magnitude(matrix<float>(0, 0), sparsity) == bitmask(0, 0));
  }
}

BOOST_AUTO_TEST_CASE(every_row_loses_the_exact_number) {
  for (const std::size_t cols : {1u, 2u, 63u, 64u, 65u, 100u, 129u})
    for (const auto& weight :
         {support::random_matrix(7, cols, 1), support::matrix_of_ties(7, cols, 2)})
      for (const double sparsity : sparsities) {
        const auto drop = static_cast<std::size_t>(static_cast<double>(cols) * sparsity);
        const auto keep = by_magnitude(weight, sparsity);
        for (std::size_t i = 0; i < 7; ++i) BOOST_TEST(keep.count(i) == cols - drop);
      }
}

BOOST_AUTO_TEST_CASE(it_is_what_sorting_gives) {
  for (unsigned seed = 0; seed < 6; ++seed)
    for (const std::size_t cols : {1u, 3u, 64u, 65u, 127u, 200u})
      for (const double sparsity : sparsities) {
        const auto continuous = support::random_matrix(5, cols, seed);
        const auto ties = support::matrix_of_ties(5, cols, seed);
        BOOST_TEST(by_magnitude(continuous, sparsity) ==
                   support::per_row_by_sorting(support::magnitudes(continuous), sparsity));
        BOOST_TEST(by_magnitude(ties, sparsity) ==
                   support::per_row_by_sorting(support::magnitudes(ties), sparsity));
      }
}

BOOST_AUTO_TEST_CASE(masks_are_nested_as_sparsity_grows) {
  for (const auto& weight : {support::random_matrix(4, 90, 3), support::matrix_of_ties(4, 90, 3)}) {
    bitmask before(4, 90);
    for (const double sparsity : sparsities) {
      const auto keep = by_magnitude(weight, sparsity);
      BOOST_TEST((keep & before) == keep);
      before = keep;
    }
  }
}

BOOST_AUTO_TEST_CASE(scaling_a_row_changes_nothing) {
  const auto weight = support::random_matrix(6, 80, 4);
  auto scaled = weight;
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 80; ++j)
      scaled(i, j) *= static_cast<float>(i % 2 == 0 ? 1 << i : -1 << i);
  BOOST_TEST(by_magnitude(weight, 0.6) == by_magnitude(scaled, 0.6));
}

BOOST_AUTO_TEST_CASE(exchanging_rows_exchanges_the_rows_of_the_mask) {
  const auto weight = support::random_matrix(6, 80, 5);
  auto turned = weight;
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 80; ++j) turned(i, j) = weight(5 - i, j);
  const auto keep = by_magnitude(weight, 0.6), keep_turned = by_magnitude(turned, 0.6);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 80; ++j) BOOST_REQUIRE(keep(i, j) == keep_turned(5 - i, j));
}

BOOST_AUTO_TEST_CASE(threads_make_no_difference) {
  const auto weight = support::matrix_of_ties(33, 70, 6);
  for (const auto& exec : support::every_executor)
    BOOST_TEST(by_magnitude(weight, 0.55, exec) ==
               support::per_row_by_sorting(support::magnitudes(weight), 0.55));
}

BOOST_AUTO_TEST_CASE(its_label) {
  static_assert(tamp::policy<per_row, tamp::role::pattern>);
  BOOST_TEST(tamp::label(per_row{}) == "per_row");
  BOOST_TEST((per_row{} == per_row{}));
}

BOOST_AUTO_TEST_SUITE_END()
