#include <tamp/pattern/block.hpp>

#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "../support/by_sorting.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_block)

using support::infinity;
using support::matrix;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::block;

namespace {

// A score of any sign, infinite for 9 and -9.
struct signed_score {
  using role = tamp::role::score;
  template <class Real>
  Real operator()(Real weight) const noexcept {
    if (weight == 9 || weight == -9) return weight * static_cast<Real>(infinity);
    return weight;
  }
};

template <class Pattern, class Score = tamp::score::magnitude, class Weight>
bitmask select(const Weight& weight, double sparsity,
               const support::any_executor& exec = support::one_thread) {
  return tamp::select(exec, weight, tamp::compose(Score{}, Pattern{}, uniform{sparsity}));
}

std::string printed(const bitmask& keep) {
  std::ostringstream out;
  out << keep;
  return out.str();
}

// The definition: the blocks by their mean score, of equal means the earlier first.
template <std::size_t R, std::size_t C, class Score>
bitmask by_sorting(const matrix<Score>& scores, double sparsity) {
  const std::size_t down = (scores.rows() + R - 1) / R, across = (scores.cols() + C - 1) / C;
  matrix<double> means(down, across);
  for (std::size_t p = 0; p < down; ++p)
    for (std::size_t q = 0; q < across; ++q) {
      double sum = 0, count = 0;
      for (std::size_t i = p * R; i < std::min(p * R + R, scores.rows()); ++i)
        for (std::size_t j = q * C; j < std::min(q * C + C, scores.cols()); ++j, ++count)
          sum += static_cast<double>(scores(i, j));
      means(p, q) = sum / count;
    }
  const bitmask stays = support::per_tensor_by_sorting(means, sparsity);
  bitmask keep(scores.rows(), scores.cols());
  for (std::size_t i = 0; i < scores.rows(); ++i)
    for (std::size_t j = 0; j < scores.cols(); ++j) keep.set(i, j, stays(i / R, j / C));
  return keep;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> weight{{4, -1, 2, -3}, {1, -8, -7, 3}};
  // Means of pairs in a row: 2.5 2.5 / 4.5 5. Of the two 2.5 the first goes first.
  BOOST_TEST((printed(select<block<1, 2>>(weight, 0.25)) == "..##\n####\n"));
  // Means of pairs in a column: 2.5 4.5 4.5 3.
  BOOST_TEST((printed(select<block<2, 1>>(weight, 0.5)) == ".##.\n.##.\n"));
  BOOST_TEST((printed(select<block<2, 2>>(weight, 0.5)) == "..##\n..##\n"));
}

BOOST_AUTO_TEST_CASE(a_block_at_the_edge_is_compared_by_its_mean) {
  // Blocks of 2 x 2: means 2 and, of the last column alone, 3.
  BOOST_TEST(
      (printed(select<block<2, 2>>(matrix<float>{{2, 2, 3}, {2, 2, 3}}, 0.5)) == "..#\n..#\n"));
  // The last block, of one weight, goes first.
  BOOST_TEST((printed(select<block<2, 2>>(matrix<float>{{9, 2, 3}, {2, 2, 3}, {5, 5, 1}}, 0.25)) ==
              "###\n###\n##.\n"));
}

BOOST_AUTO_TEST_CASE(the_number_of_blocks_is_rounded_down) {
  const matrix<float> weight{{1, 1, 2, 2, 3, 3}};
  BOOST_TEST((printed(select<block<1, 2>>(weight, 0.33)) == "######\n"));
  BOOST_TEST((printed(select<block<1, 2>>(weight, 0.34)) == "..####\n"));
  BOOST_TEST((printed(select<block<1, 2>>(weight, 1)) == "......\n"));
}

BOOST_AUTO_TEST_CASE(a_block_larger_than_the_weight_is_the_weight) {
  BOOST_TEST((printed(select<block<16, 16>>(matrix<float>{{1, 2}, {3, 4}}, 0.99)) == "##\n##\n"));
  BOOST_TEST((printed(select<block<16, 16>>(matrix<float>{{1, 2}, {3, 4}}, 1)) == "..\n..\n"));
}

BOOST_AUTO_TEST_CASE(infinite_scores_of_both_signs_rank_lowest) {
  const matrix<float> weight{{1, 2, 9, -9, 9, 1}};
  BOOST_TEST((printed(select<block<1, 2>, signed_score>(weight, 0.34)) == "##..##\n"));
  BOOST_TEST((printed(select<block<1, 2>, signed_score>(weight, 0.67)) == "....##\n"));
}

BOOST_AUTO_TEST_CASE(no_row_no_column) {
  BOOST_TEST((select<block<16, 1>>(matrix<float>(0, 5), 0.5) == bitmask(0, 5)));
  BOOST_TEST((select<block<16, 1>>(matrix<float>(5, 0), 0.5) == bitmask(5, 0)));
}

BOOST_AUTO_TEST_CASE(it_is_what_sorting_gives_for_any_executor) {
  for (const std::size_t cols : {1u, 15u, 16u, 33u, 130u})
    for (const std::size_t rows : {1u, 16u, 37u})
      for (const double sparsity : {0.0, 0.3, 0.5, 0.9, 1.0}) {
        const auto weight = support::matrix_of_ties(rows, cols, 3);
        const auto scores = support::magnitudes(weight);
        for (const auto& exec : support::every_executor) {
          const auto same = [&](const bitmask& keep, const bitmask& wanted) {
            BOOST_TEST((keep == wanted), rows << " x " << cols << " at " << sparsity);
          };
          same(select<block<16, 1>>(weight, sparsity, exec), by_sorting<16, 1>(scores, sparsity));
          same(select<block<1, 16>>(weight, sparsity, exec), by_sorting<1, 16>(scores, sparsity));
          same(select<block<4, 4>>(weight, sparsity, exec), by_sorting<4, 4>(scores, sparsity));
        }
      }
}

BOOST_AUTO_TEST_CASE(label) {
  BOOST_TEST(tamp::label(block<16, 1>{}) == "block 16 x 1");
  BOOST_TEST(tamp::compose(tamp::score::magnitude{}, block<1, 16>{}, uniform{0.5}).label() ==
             "magnitude, uniform 0.5, block 1 x 16");
}

BOOST_AUTO_TEST_SUITE_END()
