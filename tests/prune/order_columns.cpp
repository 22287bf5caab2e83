#include <tamp/prune/order_columns.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <tamp/compute/gather.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/prune/observe.hpp>
#include <tamp/prune/prune.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(prune_order_columns)

using support::matrix;
using tamp::order_columns;
using tamp::pattern::n_of_m;
using indices = std::vector<std::size_t>;

namespace {

template <std::size_t N, std::size_t M>
const auto recipe = tamp::compose(tamp::score::magnitude{}, n_of_m<N, M>{});

// The sum of the magnitudes that the pattern keeps of the weight in an order.
template <class Recipe>
double kept(const matrix<float>& weight, const indices& order, const Recipe& r) {
  matrix<float> ordered(weight.rows(), weight.cols());
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t k = 0; k < order.size(); ++k) ordered(i, k) = weight(i, order[k]);
  const auto keep = tamp::select(ordered, r);
  double sum = 0;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t k = 0; k < order.size() / 4 * 4; ++k)
      if (keep(i, k)) sum += std::abs(double{ordered(i, k)});
  return sum;
}

bool is_permutation(indices order) {
  std::sort(order.begin(), order.end());
  for (std::size_t k = 0; k < order.size(); ++k)
    if (order[k] != k) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 1:2 keeps 9 and 2 of the groups 9 8 | 2 1. With 9 and 8 in different groups it keeps 17.
  const auto found = order_columns(matrix<float>{{9, 8, 2, 1}}, recipe<1, 2>);
  BOOST_TEST(found.before == 11);
  BOOST_TEST(found.after == 17);
  // Ascending 1 2 8 9 dealt out: 1, 2 to the groups, then 9, 8 in the other direction.
  BOOST_TEST(found.order == (indices{3, 0, 2, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(columns_stay_if_nothing_is_gained) {
  const auto found = order_columns(matrix<float>{{9, 1, 8, 2}}, recipe<1, 2>);
  BOOST_TEST(found.before == 17);
  BOOST_TEST(found.after == 17);
  BOOST_TEST(found.order == (indices{0, 1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(columns_past_the_last_whole_group_stay) {
  const auto found = order_columns(matrix<float>{{9, 8, 2, 1, 50}}, recipe<1, 2>);
  BOOST_TEST(found.order.back() == 4u);
  BOOST_TEST(found.after == 17);
}

BOOST_AUTO_TEST_CASE(nothing_to_order) {
  BOOST_TEST(order_columns(matrix<float>(0, 8), recipe<2, 4>).order.size() == 8u);
  BOOST_TEST(order_columns(matrix<float>(3, 0), recipe<2, 4>).order.empty());
  // However many rows there are.
  BOOST_TEST(
      order_columns(tamp::matrix_view<const float>(nullptr, std::size_t{1} << 60, 0), recipe<2, 4>)
          .order.empty());
  BOOST_TEST(order_columns(matrix<float>{{3, 2, 1}}, recipe<2, 4>).order == (indices{0, 1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(
      order_columns(matrix<float>{{4, 3, 2, 1}}, recipe<2, 4>).order == (indices{0, 1, 2, 3}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(before_and_after_are_what_the_pattern_keeps) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto weight = support::random_matrix(9, 40 + seed, seed);
    const auto found = order_columns(weight, recipe<2, 4>);
    indices as_it_is(weight.cols());
    std::iota(as_it_is.begin(), as_it_is.end(), std::size_t{0});
    BOOST_TEST(is_permutation(found.order));
    BOOST_TEST(found.before == kept(weight, as_it_is, recipe<2, 4>),
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(found.after == kept(weight, found.order, recipe<2, 4>),
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(found.after > found.before);
  }
}

BOOST_AUTO_TEST_CASE(the_order_does_not_depend_on_the_executor) {
  const auto weight = support::random_matrix(13, 64, 3);
  const auto found = order_columns(support::one_thread, weight, recipe<2, 4>);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((order_columns(exec, weight, recipe<2, 4>) == found));
}

BOOST_AUTO_TEST_CASE(the_statistic_of_the_score_counts) {
  const std::vector<float> norms{9, 8, 2, 1};
  const auto found = order_columns(matrix<float>{{1, 1, 1, 1}}, norms,
                                   tamp::compose(tamp::score::wanda{}, n_of_m<1, 2>{}));
  BOOST_TEST(found.after == 17);
}

BOOST_AUTO_TEST_CASE(both_neighbours_in_the_order_compute_the_same_and_lose_less) {
  const support::mlp_block block{support::random_matrix(24, 6, 1),
                                 support::random_matrix(6, 24, 2)};
  const auto x = support::random_matrix(50, 6, 3);
  const auto hidden = block.hidden(x);
  const auto norms = tamp::observe<tamp::stat::column_norm>(hidden);
  const auto by_wanda = tamp::compose(tamp::score::wanda{}, n_of_m<2, 4>{});
  const auto found = order_columns(block.down, norms, by_wanda);
  support::mlp_block ordered{matrix<float>(24, 6), matrix<float>(6, 24)};
  tamp::compute::gather_rows(block.up, found.order, ordered.up);
  tamp::compute::gather_columns(block.down, found.order, ordered.down);

  const auto largest_difference = [](const matrix<float>& a, const matrix<float>& b) {
    double most = 0;
    for (std::size_t k = 0; k < a.rows() * a.cols(); ++k)
      most = std::max(most, std::abs(double{a.data()[k]} - double{b.data()[k]}));
    return most;
  };
  BOOST_TEST(largest_difference(ordered.output(x), block.output(x)) < 1e-4);

  // The error of the pruned layer's output falls, too.
  const auto error = [&](support::mlp_block pruned) {
    const auto dense = pruned.output(x);
    tamp::prune(pruned.down, tamp::observe<tamp::stat::column_norm>(pruned.hidden(x)), by_wanda);
    const auto less = pruned.output(x);
    double sum = 0;
    for (std::size_t k = 0; k < dense.rows() * dense.cols(); ++k)
      sum += (double{dense.data()[k]} - double{less.data()[k]}) *
             (double{dense.data()[k]} - double{less.data()[k]});
    return sum;
  };
  BOOST_TEST(found.after > found.before);
  BOOST_TEST(error(ordered) < error(block));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_added_is_refused) {
  const float infinity = support::infinity;
  BOOST_CHECK_THROW(static_cast<void>(order_columns(matrix<float>{{1, infinity}}, recipe<1, 2>)),
                    tamp::value_error);
  const std::vector<float> norms{1e38f, 1};
  support::check_error<tamp::value_error>(
      "order_columns: a score of row 0 is not finite, and cannot be added to others", [&] {
        static_cast<void>(order_columns(matrix<float>{{1e38f, 1}}, norms,
                                        tamp::compose(tamp::score::wanda{}, n_of_m<1, 2>{})));
      });
  BOOST_CHECK_THROW(
      static_cast<void>(order_columns(matrix<float>{{1, 1, 1}}, norms,
                                      tamp::compose(tamp::score::wanda{}, n_of_m<1, 2>{}))),
      tamp::shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
