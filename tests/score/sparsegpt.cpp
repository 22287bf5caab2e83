#include <tamp/score/sparsegpt.hpp>

#include <omp.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(score_sparsegpt)

using support::check_error;
using support::correlated;
using support::gram_of;
using support::matrix;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::mixed_n_of_m;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::sparsegpt;
using tamp::stat::gram;

namespace {

// The change of the layer's outputs: sum of squares of X (W - P)^T.
double error_of(const matrix<float>& x, const matrix<float>& w, const matrix<float>& p) {
  double sum = 0;
  for (std::size_t t = 0; t < x.rows(); ++t)
    for (std::size_t i = 0; i < w.rows(); ++i) {
      double y = 0;
      for (std::size_t j = 0; j < w.cols(); ++j) y += double(x(t, j)) * double(w(i, j) - p(i, j));
      sum += y * y;
    }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two features with H = 2 [[2, 1], [1, 1]], no damping: H^-1 = 1/2 [[1, -1], [-1, 2]], whose
  // upper factor is U = 1/sqrt 2 [[1, -1], [0, 1]]. Scores are 2 w^2: of (1, 3) the first goes, and
  // the second makes up for it: 3 - (1 sqrt 2) (-1 / sqrt 2) = 4, the best that it can do.
  const matrix<float> x{{1, 1}, {1, 0}};
  matrix<float> w{{1, 3}};
  const auto recipe = compose(sparsegpt{.damping = 0}, per_row{}, uniform{0.5});
  const auto result = tamp::prune(w, gram_of(x), recipe);
  BOOST_TEST(result.kept == 1u);
  BOOST_TEST(w(0, 0) == 0.0f);
  BOOST_TEST(std::abs(w(0, 1) - 4) < 1e-6);
}

BOOST_AUTO_TEST_CASE(exactly_floor_n_s_go_where_the_published_code_drops_one_more) {
  const matrix<float> x{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  matrix<float> w{{1, 2, 3, 4}};
  tamp::prune(w, gram_of(x), compose(sparsegpt{}, tamp::pattern::per_tensor{}, uniform{0.5}));
  for (std::size_t j = 0; j < 4; ++j)  // published: 0 0 0 4
    BOOST_TEST(w(0, j) == (j < 2 ? 0.0f : float(j + 1)));
}

BOOST_AUTO_TEST_CASE(without_correlation_nothing_is_repaired_and_it_is_wanda) {
  matrix<float> x(8, 8);  // every feature on a token of its own
  for (std::size_t j = 0; j < 8; ++j) x(j, j) = float(j + 1);
  const auto w = support::random_matrix(5, 8, 1);
  auto repaired = w, dropped = w;
  tamp::prune(repaired, gram_of(x), compose(sparsegpt{.damping = 0}, per_row{}, uniform{0.5}));
  tamp::stat::column_norm norms;
  norms.add(x);
  tamp::prune(dropped, norms, compose(tamp::score::wanda{}, per_row{}, uniform{0.5}));
  for (std::size_t k = 0; k < 40; ++k)
    BOOST_TEST(std::abs(repaired.data()[k] - dropped.data()[k]) < 1e-6);
}

BOOST_AUTO_TEST_CASE(repairing_loses_less_than_dropping_the_same_weights) {
  const auto x = correlated(100, 40, 2), w = support::random_matrix(10, 40, 3);
  const auto recipe = compose(sparsegpt{.blocksize = 16}, per_tensor{}, uniform{0.5});
  auto repaired = w, dropped = w;
  tamp::prune(repaired, gram_of(x), recipe);
  tamp::apply(dropped, tamp::select(w, gram_of(x), recipe));
  BOOST_TEST(error_of(x, w, repaired) < 0.6 * error_of(x, w, dropped));
}

BOOST_AUTO_TEST_CASE(counts_are_exact) {
  const auto x = correlated(80, 50, 4), w = support::random_matrix(7, 50, 5);
  const gram g = gram_of(x);
  for (const double sparsity : {0.0, 0.3, 0.5, 0.77, 1.0}) {
    const auto rows =
        tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, per_row{}, uniform{sparsity}));
    for (std::size_t i = 0; i < 7; ++i)
      BOOST_TEST(rows.count(i) == 50 - std::size_t(50 * sparsity));
    const auto tensor =
        tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, per_tensor{}, uniform{sparsity}));
    const std::size_t dropped = 3 * std::size_t(7 * 16 * sparsity) + std::size_t(7 * 2 * sparsity);
    BOOST_TEST(tensor.count() == 350 - dropped);
  }
  const auto groups = tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, n_of_m<2, 4>{}));
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 48; j += 4)
      BOOST_TEST(groups(i, j) + groups(i, j + 1) + groups(i, j + 2) + groups(i, j + 3) == 2);
    BOOST_TEST(groups(i, 48) + groups(i, 49) == 1);  // a last group of 2 keeps ceil(2 * 2 / 4)
  }
}

BOOST_AUTO_TEST_CASE(mixed_groups_follow_the_sparsity_and_blocks_of_weights_leave_as_a_whole) {
  auto w = support::random_matrix(6, 32, 1);
  const auto g = gram_of(support::random_matrix(60, 32, 2));
  BOOST_TEST(
      (tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, mixed_n_of_m<4>{}, uniform{0.5})) ==
       tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, n_of_m<2, 4>{}))));
  const auto three =
      tamp::select(w, g, compose(sparsegpt{.blocksize = 16}, mixed_n_of_m<4>{}, uniform{0.25}));
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 32; j += 4)
      BOOST_TEST(three(i, j) + three(i, j + 1) + three(i, j + 2) + three(i, j + 3) == 3);
  const auto blocks = tamp::select(
      w, g, compose(sparsegpt{.blocksize = 16}, tamp::pattern::block<2, 4>{}, uniform{0.5}));
  BOOST_TEST(blocks.count() == 6u * 32 / 2);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 32; ++j) BOOST_TEST(blocks(i, j) == blocks(i / 2 * 2, j / 4 * 4));
}

BOOST_AUTO_TEST_CASE(sparsity_zero_leaves_the_weight_as_it_is_and_one_leaves_nothing) {
  const auto x = correlated(40, 12, 6), w = support::random_matrix(4, 12, 7);
  auto pruned = w;
  tamp::prune(pruned, gram_of(x), compose(sparsegpt{}, per_row{}, uniform{0}));
  BOOST_TEST((pruned == w));
  tamp::prune(pruned, gram_of(x), compose(sparsegpt{}, per_row{}, uniform{1}));
  for (std::size_t k = 0; k < 48; ++k) BOOST_TEST(pruned.data()[k] == 0.0f);
}

BOOST_AUTO_TEST_CASE(select_reads_only_and_says_what_prune_drops) {
  const auto x = correlated(60, 30, 8), w = support::random_matrix(9, 30, 9);
  const auto recipe = compose(sparsegpt{.blocksize = 8}, per_tensor{}, uniform{0.6});
  const auto keep = tamp::select(w, gram_of(x), recipe);
  auto pruned = w;
  BOOST_TEST(tamp::prune(pruned, gram_of(x), recipe).kept == keep.count());
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = 0; j < 30; ++j) BOOST_TEST((pruned(i, j) != 0) == keep(i, j));
}

BOOST_AUTO_TEST_CASE(layout_and_executor_make_no_difference_to_the_bit) {
  const auto x = correlated(90, 33, 10), w = support::random_matrix(150, 33, 11);
  const gram g = gram_of(x);
  const auto recipe = compose(sparsegpt{.blocksize = 16}, per_tensor{}, uniform{0.5});
  auto expected = w;
  tamp::prune(support::one_thread, expected, g, recipe);
  for (const auto& exec : support::every_executor) {
    auto pruned = w;
    tamp::prune(exec, pruned, g, recipe);
    BOOST_TEST((pruned == expected), "other bits with " << exec);
  }
  support::in_every_layout(w, [&](auto m) {
    tamp::prune(m, g, recipe);
    BOOST_TEST((support::copy_of(m) == expected));
  });
}

// Eigen starts threads of its own for large products, and then adds them up in other runs.
BOOST_AUTO_TEST_CASE(threads_of_eigen_make_no_difference_to_the_bit, *support::before_a_release()) {
  const std::size_t rows = 70, cols = 1024;
  const auto w = support::as<double>(support::random_matrix(rows, cols, 20));
  const gram g = gram_of(correlated(40, cols, 21));
  const auto recipe = compose(sparsegpt{.blocksize = 512}, per_row{}, uniform{0.5});
  const int threads_before = omp_get_max_threads();
  std::vector<matrix<double>> results;
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    results.push_back(w);
    // On this very thread: the number of OpenMP's threads is each thread's own.
    tamp::prune(tamp::execute::sequential{}, results.back(), g, recipe);
  }
  omp_set_num_threads(threads_before);
  BOOST_TEST((results[1] == results[0]));
  BOOST_TEST((results[2] == results[0]));
}

BOOST_AUTO_TEST_CASE(dead_inputs_lose_their_weights_and_disturb_nobody) {
  auto x = correlated(60, 20, 12);
  for (std::size_t t = 0; t < 60; ++t) x(t, 5) = x(t, 13) = 0;
  auto w = support::random_matrix(6, 20, 13);
  tamp::prune(w, gram_of(x), compose(sparsegpt{.blocksize = 8}, per_row{}, uniform{0.5}));
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(w(i, 5) == 0.0f);
    BOOST_TEST(w(i, 13) == 0.0f);
    for (std::size_t j = 0; j < 20; ++j) BOOST_TEST(std::isfinite(w(i, j)));
  }
}

BOOST_AUTO_TEST_CASE(the_mask_and_what_is_kept_are_what_is_not_zero_in_memory) {
  // Six of eight inputs are dead, and some weights were zero before.
  auto x = correlated(60, 8, 25);
  for (std::size_t t = 0; t < 60; ++t)
    for (std::size_t j = 2; j < 8; ++j) x(t, j) = 0;
  auto w = support::random_matrix(6, 8, 26);
  w(3, 0) = w(3, 1) = 0;
  const auto check = [&](const auto& recipe) {
    const auto keep = tamp::select(w, gram_of(x), recipe);
    auto pruned = w, masked = w;
    const auto result = tamp::prune(pruned, gram_of(x), recipe);
    tamp::apply(masked, keep);
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = 0; j < 8; ++j) {
        BOOST_TEST(keep(i, j) == (pruned(i, j) != 0));
        BOOST_TEST((masked(i, j) == 0) == (pruned(i, j) == 0));
        zeros += pruned(i, j) == 0;
      }
    BOOST_TEST(result.kept == 48 - zeros);
    BOOST_TEST(result.kept == keep.count());
    BOOST_TEST(zeros >= 36u);
  };
  check(compose(sparsegpt{}, per_row{}, uniform{0.5}));
  check(compose(sparsegpt{}, per_tensor{}, uniform{0.5}));
  check(compose(sparsegpt{}, per_row{}, uniform{0.0}));
  check(compose(sparsegpt{}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(a_repaired_weight_that_its_type_makes_zero_is_dropped) {
  // As by hand above: of (1, -1) the first goes, and the second becomes -1 + 1, or what rounding
  // leaves of it, which an f16 cannot hold.
  const matrix<float> x{{1, 1}, {1, 0}};
  matrix<tamp::f16> w(1, 2, tamp::f16(1));
  w(0, 1) = tamp::f16(-1);
  const auto half = compose(sparsegpt{.damping = 0}, per_row{}, uniform{0.5});
  BOOST_TEST(tamp::select(w, gram_of(x), half).count() == 0u);
  BOOST_TEST(tamp::prune(w, gram_of(x), half).kept == 0u);
  BOOST_TEST(float(w(0, 0)) == 0.0f);
  BOOST_TEST(float(w(0, 1)) == 0.0f);
}

BOOST_AUTO_TEST_CASE(a_hessian_that_cannot_be_factored_is_damped_more_and_the_report_says_so) {
  const matrix<float> x{{1, 1, 1, 1}};  // of rank 1
  const auto w = support::random_matrix(3, 4, 14);
  const auto repaired =
      sparsegpt{.damping = 0}.repair(support::one_thread, "prune", "layer",
                                     tamp::view(w.data(), 3, 4), gram_of(x), per_row{}, 0.5);
  BOOST_TEST(repaired.note.starts_with("damping raised from 0 to "));
  BOOST_TEST(repaired.keep.count() == 6u);
  for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(std::isfinite(repaired.weights()(0, j)));
  const auto damped = sparsegpt{}.repair(support::one_thread, "prune", "layer",
                                         tamp::view(w.data(), 3, 4), gram_of(x), per_row{}, 0.5);
  BOOST_TEST(damped.note == "");
}

BOOST_AUTO_TEST_CASE(any_damping_that_is_asked_for_is_tried) {
  const auto x = correlated(60, 20, 22), w = support::random_matrix(3, 20, 23);
  // So much that features have nothing to say about each other any more: what stays, stays as is.
  auto pruned = w;
  tamp::prune(pruned, gram_of(x), compose(sparsegpt{.damping = 1e9}, per_row{}, uniform{0.5}));
  for (std::size_t k = 0; k < 60; ++k)
    if (pruned.data()[k] != 0) BOOST_TEST(std::abs(pruned.data()[k] - w.data()[k]) < 1e-6);
}

BOOST_AUTO_TEST_CASE(weights_are_written_in_their_own_type) {
  const auto x = correlated(50, 16, 15);
  const auto w = support::as<tamp::bf16>(support::random_matrix(4, 16, 16));
  const auto recipe = compose(sparsegpt{}, per_row{}, uniform{0.5});
  auto in_float = support::as<float>(w);
  tamp::prune(in_float, gram_of(x), recipe);
  auto in_bf16 = w;
  tamp::prune(in_bf16, gram_of(x), recipe);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 16; ++j) BOOST_TEST((in_bf16(i, j) == tamp::bf16(in_float(i, j))));
}

BOOST_AUTO_TEST_CASE(weights_without_strides_are_written_row_by_row) {
  const auto x = correlated(50, 16, 15), w = support::random_matrix(40, 16, 24);
  const auto recipe = compose(sparsegpt{.blocksize = 8}, n_of_m<2, 4>{});
  auto expected = w;
  tamp::prune(expected, gram_of(x), recipe);
  for (const auto& exec : support::every_executor) {
    support::writable_rows rows{{w}};
    BOOST_TEST(tamp::prune(exec, rows, gram_of(x), recipe).kept == 320u);
    BOOST_TEST((rows.numbers == expected));
  }
}

BOOST_AUTO_TEST_CASE(a_repaired_weight_that_its_type_cannot_hold_is_refused) {
  // The features are one and the same, so that what is dropped is added to what stays: 100000 in
  // all, and an f16 ends at 65504.
  const matrix<float> x{{1, 1}, {1, 1.0001f}};
  const auto recipe = compose(sparsegpt{.damping = 0}, per_row{}, uniform{0.5});
  matrix<tamp::f16> w(2, 2, tamp::f16(1));
  w(1, 0) = tamp::f16(40000), w(1, 1) = tamp::f16(60000);
  const auto before = w;
  try {
    tamp::prune(w, gram_of(x), recipe);
    BOOST_ERROR("an infinity was written");
  } catch (const tamp::value_error& e) {
    const std::string_view what = e.what();
    BOOST_TEST(what.starts_with("prune: the repaired weight in row 1, column 1 is 9999"), what);
    BOOST_TEST(what.ends_with(", too large for the tensor's type of number"), what);
  }
  BOOST_TEST((w == before));
  auto wide = support::as<float>(w);
  tamp::prune(wide, gram_of(x), recipe);
  BOOST_TEST(wide(1, 1) > 99000.0f);

  // Beyond double: nothing is repaired with infinities.
  matrix<double> huge{{1e200, 1e-200}};
  const matrix<double> huge_before = huge;
  check_error<tamp::value_error>(
      "prune: repairing the weights made one of row 0 1e+200, which is too large",
      [&] { tamp::prune(huge, gram_of(x), recipe); });
  BOOST_TEST((huge == huge_before));
}

BOOST_AUTO_TEST_CASE(empty_weights_are_fine) {
  matrix<float> w(0, 3);
  BOOST_TEST(
      tamp::prune(w, gram_of(correlated(9, 3, 17)), compose(sparsegpt{}, per_row{}, uniform{0.5}))
          .size == 0u);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_before_anything_is_written) {
  const auto x = correlated(30, 8, 18);
  auto w = support::random_matrix(3, 8, 19);
  const auto before = w;
  const auto recipe = compose(sparsegpt{}, per_row{}, uniform{0.5});
  check_error<tamp::value_error>("prune: the statistics have seen no activations",
                                 [&] { tamp::prune(w, gram(), recipe); });
  check_error<tamp::shape_error>("prune: the weight has 8 columns, the statistics cover 7",
                                 [&] { tamp::prune(w, gram_of(correlated(30, 7, 1)), recipe); });
  check_error<tamp::value_error>(
      "sparsegpt: groups of 4 weights do not fill up a block of 6 columns",
      [&] { tamp::prune(w, gram_of(x), compose(sparsegpt{.blocksize = 6}, n_of_m<2, 4>{})); });
  check_error<tamp::value_error>("sparsegpt: blocksize is 0, damping 0.01", [&] {
    tamp::prune(w, gram_of(x), compose(sparsegpt{.blocksize = 0}, per_row{}, uniform{0.5}));
  });
  check_error<tamp::value_error>("prune: the statistic of features 1 and 1 is inf", [&] {
    gram overflown;
    overflown.add(matrix<double>{{1, 1.2e154, 1, 1, 1, 1, 1, 1}});  // twice its square is
    tamp::prune(w, overflown, recipe);
  });
  BOOST_TEST((w == before));
  w(2, 1) = support::not_a_number;
  const auto broken = w;
  check_error<tamp::value_error>("prune: the weight in row 2, column 1 is nan",
                                 [&] { tamp::prune(w, gram_of(x), recipe); });
  BOOST_TEST((w == broken));
}

BOOST_AUTO_TEST_SUITE_END()
