#include <tamp/sparse/prune.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <tuple>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(sparse_prune)

using support::check_error;
using support::matrix;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::wanda;
using tamp::sparse::pack;
using tamp::sparse::pack_as;
using tamp::sparse::prune;
using tamp::sparse::prune_as;

namespace {

using stored_types = std::tuple<float, tamp::bf16>;

// Pruning gives what select and pack give, and the weight is only read.
template <class Weight, class Statistics, class Recipe>
void check_pruned(const Weight& weight, const Statistics& statistics, const Recipe& recipe) {
  const Weight before = weight;
  for (const auto& exec : support::every_executor) {
    const auto expected = pack(weight, tamp::select(weight, statistics, recipe));
    BOOST_TEST((prune(exec, weight, statistics, recipe) == expected));
  }
  BOOST_TEST((weight == before));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_larger_half_of_each_row_by_hand) {
  const matrix<float> w{{1, -4, 3, 2}, {8, 5, -6, 7}};
  const auto s = prune(w, compose(magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST((support::dense_of(s) == matrix<float>{{0, -4, 3, 0}, {8, 0, 0, 7}}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_mask_is_that_of_select, T, stored_types) {
  const auto norms = support::random_norms(72, 2);
  const auto w = support::as<T>(support::random_matrix(12, 72, 1));
  check_pruned(w, norms, compose(wanda{}, per_row{}, uniform{0.6}));
  check_pruned(w, norms, compose(wanda{}, n_of_m<2, 4>{}));
  check_pruned(w, norms, compose(magnitude{}, per_tensor{}, uniform{0.5}));
}

BOOST_AUTO_TEST_CASE(every_layout_and_rows_are_pruned) {
  const auto w = support::random_matrix(7, 70, 3);
  const auto norms = support::random_norms(70, 4);
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  const auto expected = prune(w, norms, recipe);
  support::in_every_layout(w, [&](auto m) { BOOST_TEST((prune(m, norms, recipe) == expected)); });
  BOOST_TEST((prune(support::readable_rows{w}, norms, recipe) == expected));
}

BOOST_AUTO_TEST_CASE(the_kept_weights_can_be_stored_as_another_type) {
  const auto w = support::random_matrix(7, 70, 3);
  const auto norms = support::random_norms(70, 4);
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  const auto keep = tamp::select(w, norms, recipe);
  BOOST_TEST((prune_as<tamp::bf16>(w, norms, recipe) == pack_as<tamp::bf16>(w, keep)));
  BOOST_TEST((prune_as<std::int8_t>(w, norms, recipe) == pack_as<std::int8_t>(w, keep)));
  BOOST_TEST((prune_as<float>(support::as<double>(w), norms, recipe) == pack(w, keep)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_are_repaired_in_the_matrix, T, stored_types) {
  const auto w = support::as<T>(support::random_matrix(10, 40, 5));
  tamp::stat::gram gram;
  gram.add(support::random_matrix(90, 40, 6));
  const auto check = [&](const auto& recipe) {
    auto in_place = w;
    tamp::prune(in_place, gram, recipe);
    const auto s = prune(w, gram, recipe);
    BOOST_TEST((s.mask() == tamp::select(w, gram, recipe)));
    BOOST_TEST((s == pack(in_place, s.mask())));
    BOOST_TEST((s != pack(w, s.mask())));
    for (const auto& exec : support::every_executor)
      BOOST_TEST((prune(exec, w, gram, recipe) == s));
    BOOST_TEST((prune_as<tamp::bf16>(w, gram, recipe) == pack_as<tamp::bf16>(in_place, s.mask())));
  };
  check(compose(tamp::score::sparsegpt{16}, per_row{}, uniform{0.5}));
  check(compose(tamp::score::sparsegpt{16}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(what_select_or_pack_refuse_is_refused) {
  auto w = support::random_matrix(3, 4, 7);
  const std::vector<float> norms{1, 2, 3};
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  check_error<tamp::shape_error>("prune: the weight has 4 columns, the statistics cover 3",
                                 [&] { prune(w, norms, recipe); });
  w(1, 2) = support::not_a_number;
  check_error<tamp::value_error>("prune: the weight in row 1, column 2 is nan",
                                 [&] { prune(w, compose(magnitude{}, per_row{}, uniform{0.5})); });
  w(1, 2) = 1e9f;
  check_error<tamp::value_error>(
      "prune: the weight in row 1, column 2 is 1e+09, which 8 bits with a scale of 16 bits cannot "
      "hold",
      [&] { prune_as<std::int8_t>(w, compose(magnitude{}, per_row{}, uniform{0.5})); });
}

BOOST_AUTO_TEST_CASE(weights_without_elements_are_pruned) {
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{0, 0}, {0, 70}, {5, 0}}) {
    const auto s = prune(matrix<float>(rows, cols), recipe);
    BOOST_TEST(s.rows() == rows);
    BOOST_TEST(s.cols() == cols);
  }
}

BOOST_AUTO_TEST_SUITE_END()
