#include <tamp/pattern/mixed_n_of_m.hpp>

#include <tamp/pattern/n_of_m.hpp>
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

BOOST_AUTO_TEST_SUITE(pattern_mixed_n_of_m)

using support::matrix;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::mixed_n_of_m;
using tamp::pattern::n_of_m;

namespace {

template <std::size_t M, class Weight>
bitmask select(const Weight& weight, double sparsity,
               const support::any_executor& exec = support::one_thread) {
  return tamp::select(
      exec, weight, tamp::compose(tamp::score::magnitude{}, mixed_n_of_m<M>{}, uniform{sparsity}));
}

// The mask of one row of scores, as text.
template <std::size_t M>
std::string row(const std::vector<float>& scores, double sparsity) {
  bitmask keep(1, scores.size());
  typename mixed_n_of_m<M>::template row_selector<float>(scores.size(), sparsity)(scores,
                                                                                  keep.row(0));
  std::ostringstream out;
  out << keep;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST((row<4>({4, 1, 2, 3, 5, 8, 7, 3}, 0.25) == "#.#####.\n"));
  BOOST_TEST((row<4>({4, 1, 2, 3, 5, 8, 7, 3}, 0.5) == "#..#.##.\n"));
  BOOST_TEST((row<4>({4, 1, 2, 3, 5, 8, 7, 3}, 0.75) == "#....#..\n"));
}

BOOST_AUTO_TEST_CASE(the_number_dropped_of_a_group_is_rounded_down) {
  BOOST_TEST((row<4>({4, 1, 2, 3}, 0.74) == "#..#\n"));
  BOOST_TEST((row<4>({4, 1, 2, 3}, 0.24) == "####\n"));
  BOOST_TEST((row<4>({4, 1, 2, 3}, 0) == "####\n"));
  BOOST_TEST((row<4>({4, 1, 2, 3}, 1) == "....\n"));
}

BOOST_AUTO_TEST_CASE(a_rest_keeps_its_share_rounded_up) {
  BOOST_TEST((row<4>({1, 2, 3, 4, 1}, 0.5) == "..###\n"));
  BOOST_TEST((row<4>({1, 2, 3, 4, 1, 2}, 0.75) == "...#.#\n"));
  BOOST_TEST((row<4>({1, 2, 3, 4, 1, 2}, 1) == "......\n"));
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_leftmost_go) {
  BOOST_TEST((row<4>({7, 7, 7, 7}, 0.5) == "..##\n"));
}

BOOST_AUTO_TEST_CASE(no_row_no_column) {
  BOOST_TEST((select<8>(matrix<float>(0, 5), 0.5) == bitmask(0, 5)));
  BOOST_TEST((select<8>(matrix<float>(5, 0), 0.5) == bitmask(5, 0)));
}

BOOST_AUTO_TEST_CASE(it_is_what_sorting_gives_for_any_executor_and_any_n) {
  for (const std::size_t cols : {1u, 4u, 7u, 63u, 64u, 66u, 130u, 193u})
    for (std::size_t n = 0; n <= 8; ++n) {
      const auto weight = support::matrix_of_ties(5, cols, 3);
      const double sparsity = static_cast<double>(8 - n) / 8;
      for (const auto& exec : support::every_executor)
        BOOST_TEST(select<8>(weight, sparsity, exec) ==
                   support::n_of_m_by_sorting(support::magnitudes(weight), n, 8));
    }
}

BOOST_AUTO_TEST_CASE(one_sparsity_for_all_layers_is_n_of_m) {
  const auto weight = support::random_matrix(6, 200, 4);
  BOOST_TEST((select<4>(weight, 0.5) ==
              tamp::select(weight, tamp::compose(tamp::score::magnitude{}, n_of_m<2, 4>{}))));
  BOOST_TEST((select<5>(weight, 0.4) ==
              tamp::select(weight, tamp::compose(tamp::score::magnitude{}, n_of_m<3, 5>{}))));
}

BOOST_AUTO_TEST_CASE(a_sparsity_given_as_a_fraction_is_that_fraction_for_every_m) {
  const auto drops = []<std::size_t M>(std::size_t k) {
    const auto keep =
        select<M>(support::random_matrix(1, M, 1), static_cast<double>(k) / static_cast<double>(M));
    return M - keep.count();
  };
  for (std::size_t k = 0; k <= 32; ++k) {
    if (k <= 7) BOOST_TEST(drops.operator()<7>(k) == k);
    if (k <= 10) BOOST_TEST(drops.operator()<10>(k) == k);
    if (k <= 25) BOOST_TEST(drops.operator()<25>(k) == k);
    if (k <= 31) BOOST_TEST(drops.operator()<31>(k) == k);
    BOOST_TEST(drops.operator()<32>(k) == k);
  }
}

BOOST_AUTO_TEST_CASE(label) { BOOST_TEST(tamp::label(mixed_n_of_m<8>{}) == "N:8"); }

BOOST_AUTO_TEST_SUITE_END()
