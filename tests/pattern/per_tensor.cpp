#include <tamp/pattern/per_tensor.hpp>

#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <sstream>
#include <string>

#include "../support/by_sorting.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_per_tensor)

using support::infinity;
using support::matrix;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::per_tensor;

namespace {

constexpr double sparsities[] = {0, 0.01, 0.1, 0.29, 0.5, 0.7, 0.9, 0.999, 1};

// Scores of any sign, infinite ones too: a finite weight w scores |w|^3 w, which may overflow.
struct signed_score {
  using role = tamp::role::score;
  template <class Real>
  Real operator()(Real weight) const noexcept {
    return std::abs(weight) * weight * weight * std::abs(weight) * (weight < 0 ? -1 : 1);
  }
};

template <class Score = tamp::score::magnitude, class Weight>
bitmask select(const Weight& weight, double sparsity,
               const support::any_executor& exec = support::one_thread) {
  return tamp::select(exec, weight, tamp::compose(Score{}, per_tensor{}, uniform{sparsity}));
}

std::string printed(const bitmask& keep) {
  std::ostringstream out;
  out << keep;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Of 0.5 1 2 3 3 4 7 8 the lower half: the first of the two 3s goes, the second stays.
  const matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  BOOST_TEST(printed(select(weight, 0.5)) == "#...\n.###\n");
}

BOOST_AUTO_TEST_CASE(exactly_floor_n_s_go_where_the_published_code_drops_one_more) {
  // The published code drops all up to the score of place floor(n s): "...#" and "....".
  BOOST_TEST(printed(select(matrix<float>{{1, 2, 3, 4}}, 0.5)) == "..##\n");
  BOOST_TEST(printed(select(matrix<float>{{1, 1, 1, 1}}, 0.25)) == ".###\n");
}

BOOST_AUTO_TEST_CASE(rows_may_lose_everything_or_nothing) {
  const matrix<float> weight{{1, 2, 3, 4}, {5, 6, 7, 8}};
  BOOST_TEST(printed(select(weight, 0.5)) == "....\n####\n");
  BOOST_TEST(printed(select(weight, 0.7)) == "....\n.###\n");
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_upper_then_the_leftmost_go) {
  BOOST_TEST(printed(select(matrix<float>(3, 4, -2.0f), 0.5)) == "....\n..##\n####\n");
  BOOST_TEST(printed(select(matrix<float>{{0, -0.0f}, {-0.0f, 0}}, 0.75)) == "..\n.#\n");
  BOOST_TEST(printed(select(matrix<float>{{9, 1, 1}, {1, 9, 1}, {1, 1, 9}}, 0.5)) ==
             "#..\n.#.\n###\n");
}

BOOST_AUTO_TEST_CASE(the_count_is_that_of_the_whole_layer) {
  // floor(0.29 * 100) is 28 in double, in any shape.
  BOOST_TEST(select(support::random_matrix(10, 10, 1), 0.29).count() == 72u);
  BOOST_TEST(select(support::random_matrix(3, 5, 1), 0.5).count() == 8u);
  BOOST_TEST(select(support::random_matrix(3, 1, 1), 0.99).count() == 1u);
}

BOOST_AUTO_TEST_CASE(one_row_one_column_no_row_no_column) {
  BOOST_TEST(printed(select(matrix<float>{{3, 1, 2}}, 0.4)) == "#.#\n");
  BOOST_TEST(printed(select(matrix<float>{{3}, {1}, {2}}, 0.7)) == "#\n.\n.\n");
  for (const double sparsity : sparsities) {
    BOOST_TEST(select(matrix<float>(0, 5), sparsity) == bitmask(0, 5));
    BOOST_TEST(select(matrix<float>(5, 0), sparsity) == bitmask(5, 0));
  }
}

BOOST_AUTO_TEST_CASE(nothing_or_everything_goes) {
  const auto weight = support::matrix_of_ties(3, 70, 1);
  BOOST_TEST(select(weight, 0) == bitmask(3, 70));
  BOOST_TEST(select(weight, 1) == bitmask(3, 70, false));
}

BOOST_AUTO_TEST_CASE(infinite_and_negative_scores_are_ordered_too) {
  const matrix<float> weight{{1e20f, -1e20f, 0, -0.0f}, {1, -1, 1e20f, -1e-20f}};
  // -inf, -1, then the zeros in the order in which they stand (-1e-80 is -0).
  BOOST_TEST(printed(select<signed_score>(weight, 0.25)) == "#.##\n#.##\n");
  BOOST_TEST(printed(select<signed_score>(weight, 0.5)) == "#...\n#.##\n");
  BOOST_TEST(printed(select<signed_score>(weight, 0.75)) == "#...\n..#.\n");
  BOOST_TEST(printed(select<signed_score>(weight, 0.9)) == "....\n..#.\n");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_what_sorting_gives, T, decltype(std::tuple<float, double>{})) {
  for (unsigned seed = 0; seed < 4; ++seed)
    for (const std::size_t cols : {1u, 3u, 64u, 65u, 127u})
      for (const auto& numbers :
           {support::random_matrix(9, cols, seed), support::matrix_of_ties(9, cols, seed)}) {
        const auto weight = support::as<T>(numbers);
        const auto magnitudes = support::magnitudes(weight);
        auto cubes = weight;
        for (std::size_t k = 0; k < 9 * cols; ++k)
          cubes.data()[k] = signed_score{}(weight.data()[k]);
        for (const double sparsity : sparsities) {
          BOOST_TEST(select(weight, sparsity) ==
                     support::per_tensor_by_sorting(magnitudes, sparsity));
          BOOST_TEST(select<signed_score>(weight, sparsity) ==
                     support::per_tensor_by_sorting(cubes, sparsity));
        }
      }
}

BOOST_AUTO_TEST_CASE(every_digit_of_a_score_decides) {
  // Numbers that differ in one bit alone, for each bit of a float and of a double.
  std::mt19937 random(8);
  for (int bit = 0; bit < 31; ++bit) {
    matrix<float> weight(4, 5, 1.0f);
    for (std::size_t k = 0; k < 20; ++k)
      if (random() % 2 != 0)
        weight.data()[k] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(1.0f) ^ 1u << bit);
    if (!tamp::is_finite(std::bit_cast<float>(std::bit_cast<std::uint32_t>(1.0f) ^ 1u << bit)))
      continue;
    for (const double sparsity : {0.25, 0.5, 0.75})
      BOOST_TEST(select(weight, sparsity) ==
                 support::per_tensor_by_sorting(support::magnitudes(weight), sparsity));
  }
  for (int bit = 0; bit < 62; ++bit) {
    const auto other =
        std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0) ^ std::uint64_t{1} << bit);
    matrix<double> weight(4, 5, 1.0);
    for (std::size_t k = 0; k < 20; ++k)
      if (random() % 2 != 0) weight.data()[k] = other;
    BOOST_TEST(select(weight, 0.5) ==
               support::per_tensor_by_sorting(support::magnitudes(weight), 0.5));
  }
}

BOOST_AUTO_TEST_CASE(masks_are_nested_as_sparsity_grows) {
  for (const auto& weight : {support::random_matrix(4, 90, 3), support::matrix_of_ties(4, 90, 3)}) {
    bitmask before(4, 90);
    for (const double sparsity : sparsities) {
      const auto keep = select(weight, sparsity);
      BOOST_TEST((keep & before) == keep);
      before = keep;
    }
  }
}

BOOST_AUTO_TEST_CASE(scaling_the_layer_changes_nothing) {
  const auto weight = support::random_matrix(6, 80, 4);
  auto scaled = weight;
  for (std::size_t k = 0; k < 480; ++k) scaled.data()[k] *= -0.125f;
  BOOST_TEST(select(weight, 0.6) == select(scaled, 0.6));
}

BOOST_AUTO_TEST_CASE(threads_make_no_difference) {
  const auto weight = support::matrix_of_ties(33, 70, 6);
  const auto expected = support::per_tensor_by_sorting(support::magnitudes(weight), 0.55);
  for (const auto& exec : support::every_executor)
    BOOST_TEST(select(weight, 0.55, exec) == expected);
}

BOOST_AUTO_TEST_CASE(its_label) {
  static_assert(tamp::policy<per_tensor, tamp::role::pattern>);
  BOOST_TEST(tamp::label(per_tensor{}) == "per_tensor");
  BOOST_TEST((per_tensor{} == per_tensor{}));
}

BOOST_AUTO_TEST_SUITE_END()
