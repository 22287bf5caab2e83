#include <tamp/prune/prune.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/recipes.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(prune_prune)

using support::infinity;
using support::matrix;
using support::not_a_number;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::wanda;
using tamp::stat::column_norm;

// LLVM's runtime keeps what it allocated for threads that a later, smaller team leaves idle.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp"; }

namespace {

// Finite weights may score NaN here, and the score does not say that they never do.
struct square_root {
  using role = tamp::role::score;
  float operator()(float weight) const noexcept { return std::sqrt(weight); }
};

template <class T>
matrix<T> zeroed(const matrix<T>& weight, const tamp::mask::bitmask& keep) {
  matrix<T> expected = weight;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (!keep(i, j)) expected(i, j) = T{};
  return expected;
}

// Checks that pruning is refused, whatever the layout, tier and executor, and writes nothing.
template <class Error, class Statistics, class Recipe>
void check_refused(const std::string& sentence, const matrix<float>& weight,
                   const Statistics& statistics, const Recipe& recipe) {
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(weight, [&](auto m) {
      support::check_error<Error>(sentence, [&] { tamp::prune(exec, m, statistics, recipe); });
      BOOST_TEST((support::copy_of(m) == weight));
    });
    support::writable_rows rows{{weight}};
    support::check_error<Error>(sentence, [&] { tamp::prune(exec, rows, statistics, recipe); });
    BOOST_TEST((rows.numbers == weight));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  const auto [size, kept] = tamp::prune(weight, compose(magnitude{}, per_row{}, uniform{0.5}));
  BOOST_TEST((weight == matrix<float>{{4, 0, 0, -3}, {0, -8, -7, 0}}));
  BOOST_TEST(size == 8u);
  BOOST_TEST(kept == 4u);

  weight = {{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  column_norm norms;
  norms.add(matrix<float>{{1, 10, 0, 2}});
  const auto pruned = tamp::prune(weight, norms, compose(wanda{}, n_of_m<1, 4>{}));
  BOOST_TEST((weight == matrix<float>{{0, -1, 0, 0}, {0, -8, 0, 0}}));
  BOOST_TEST(pruned.sparsity() == 0.75);
  BOOST_TEST((pruned == tamp::pruned{8, 2}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_select_and_apply_on_every_layout_type_and_executor, T,
                              decltype(std::tuple<float, double, tamp::f16>{})) {
  std::size_t k = 0;
  for (const auto& numbers :
       {support::random_matrix(67, 70, 1), support::matrix_of_ties(67, 70, 2)}) {
    const auto weight = support::as<T>(numbers);
    const auto norms = support::random_norms(70, 3);
    support::for_each_recipe(0.55, [&](const auto& recipe, const auto& expected) {
      const tamp::mask::bitmask keep = expected(weight, norms);
      const auto pruned = zeroed(weight, keep);
      for (const auto& exec : support::every_executor)
        support::in_every_layout(
            weight,
            [&](auto m) {
              const auto result = tamp::prune(exec, m, norms, recipe);
              BOOST_TEST((support::copy_of(m) == pruned));
              BOOST_TEST(result.size == keep.size());
              BOOST_TEST(result.kept == keep.count());
            },
            [&] { return support::is_run(k++, 11); });
    });
  }
}

BOOST_AUTO_TEST_CASE(it_is_select_and_apply_on_row_tensors) {
  const auto weight = support::matrix_of_ties(67, 70, 2);
  const auto norms = support::random_norms(70, 3);
  support::for_each_recipe(0.55, [&](const auto& recipe, const auto& expected) {
    const auto pruned = zeroed(weight, expected(weight, norms));
    for (const auto& exec : support::every_executor) {
      support::writable_rows written{{weight}};
      tamp::prune(exec, written, norms, recipe);
      BOOST_TEST((written.numbers == pruned));
      support::zeroable_rows dropped{{weight}};
      BOOST_TEST(tamp::prune(exec, dropped, norms, recipe).kept == expected(weight, norms).count());
      BOOST_TEST((dropped.numbers == pruned));
    }
  });
}

BOOST_AUTO_TEST_CASE(openmp_is_one_executor_among_others) {
  const auto weight = support::matrix_of_ties(67, 70, 2);
  const auto norms = support::random_norms(70, 3);
  support::for_each_recipe(0.55, [&](const auto& recipe, const auto& expected) {
    for (const int threads : {1, 2, 3, 8}) {
      auto pruned = weight;
      tamp::prune(tamp::execute::openmp{threads, 0}, pruned, norms, recipe);
      BOOST_TEST((pruned == zeroed(weight, expected(weight, norms))));
    }
  });
}

BOOST_AUTO_TEST_CASE(dropped_is_plus_zero_and_a_kept_zero_keeps_its_sign) {
  matrix<float> weight{{-0.0f, -0.0f, -1, -2}};
  tamp::prune(weight, compose(magnitude{}, per_row{}, uniform{0.25}));
  BOOST_TEST((weight == matrix<float>{{0.0f, -0.0f, -1, -2}}));
}

BOOST_AUTO_TEST_CASE(pruning_again_changes_nothing) {
  auto weight = support::random_matrix(9, 70, 4);
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.6});
  tamp::prune(weight, recipe);
  const auto once = weight;
  // The zeros tie, and the leftmost of them go; as many as there are.
  BOOST_TEST(tamp::prune(weight, recipe).kept == 9u * 28);
  BOOST_TEST((weight == once));
}

BOOST_AUTO_TEST_CASE(one_row_one_column_no_row_no_column) {
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  for (const auto& [rows, cols] : {std::pair{1u, 7u}, {7u, 1u}, {0u, 7u}, {7u, 0u}, {0u, 0u}}) {
    const auto weight = support::random_matrix(rows, cols, 5);
    support::in_every_layout(weight, [&, rows = rows, cols = cols](auto m) {
      const auto keep = tamp::select(m, recipe);
      const auto result = tamp::prune(m, recipe);
      BOOST_TEST((support::copy_of(m) == zeroed(weight, keep)));
      BOOST_TEST(result.kept == rows * (cols - cols / 2));
      BOOST_TEST(result.sparsity() == (rows * cols == 0 ? 0.0 : keep.sparsity()));
    });
  }
}

BOOST_AUTO_TEST_CASE(nothing_or_everything_goes) {
  const auto weight = support::random_matrix(3, 70, 6);
  auto pruned = weight;
  BOOST_TEST(tamp::prune(pruned, compose(magnitude{}, per_row{}, uniform{0})).kept == 210u);
  BOOST_TEST((pruned == weight));
  BOOST_TEST(tamp::prune(pruned, compose(magnitude{}, per_row{}, uniform{1})).sparsity() == 1.0);
  BOOST_TEST((pruned == matrix<float>(3, 70)));
}

BOOST_AUTO_TEST_CASE(weights_that_are_not_finite_are_refused_and_nothing_is_written) {
  auto weight = support::random_matrix(67, 70, 7);
  weight(66, 5) = infinity;
  weight(45, 66) = not_a_number;
  const std::vector<float> norms(70, 1.0f);
  support::for_each_recipe(0.5, [&](const auto& recipe, const auto&) {
    check_refused<tamp::value_error>("prune: the weight in row 45, column 66 is nan", weight, norms,
                                     recipe);
  });
}

BOOST_AUTO_TEST_CASE(scores_that_are_not_a_number_are_refused_and_nothing_is_written) {
  auto weight = support::random_matrix(40, 70, 8);
  for (std::size_t k = 0; k < 40 * 70; ++k) weight.data()[k] = std::abs(weight.data()[k]);
  weight(33, 2) = -4;
  check_refused<tamp::value_error>(
      "prune: the score custom of the weight in row 33, column 2, which is -4, is not a number",
      weight, column_norm(), compose(square_root{}, per_row{}, uniform{0.5}));
}

BOOST_AUTO_TEST_CASE(statistics_that_cannot_be_used_are_refused_and_nothing_is_written) {
  const auto weight = support::random_matrix(5, 4, 9);
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  check_refused<tamp::value_error>("prune: the statistic of column 2 is nan", weight,
                                   std::vector<float>{1, 2, not_a_number, 3}, recipe);
  check_refused<tamp::shape_error>("prune: the weight has 4 columns, the statistics cover 3",
                                   weight, std::vector<float>(3, 1.0f), recipe);
  check_refused<tamp::value_error>("prune: the statistics have seen no activations", weight,
                                   column_norm(4), recipe);
}

BOOST_AUTO_TEST_CASE(a_sparsity_outside_of_0_to_1_is_refused_and_nothing_is_written) {
  const auto weight = support::random_matrix(5, 4, 10);
  check_refused<tamp::value_error>("a sparsity is a fraction in [0, 1], not -0.1", weight,
                                   column_norm(), compose(magnitude{}, per_row{}, uniform{-0.1}));
  check_refused<tamp::value_error>("a sparsity is a fraction in [0, 1], not 1.1", weight,
                                   column_norm(), compose(magnitude{}, per_tensor{}, uniform{1.1}));
  check_refused<tamp::value_error>(
      "a sparsity is a fraction in [0, 1], not nan", weight, column_norm(),
      compose(magnitude{}, per_row{}, uniform{std::numeric_limits<double>::quiet_NaN()}));
}

BOOST_AUTO_TEST_CASE(a_broadcast_weight_is_refused) {
  std::vector<float> numbers{4, 3, 2, 1};
  const auto recipe = compose(magnitude{}, per_row{}, uniform{0.5});
  support::check_error<tamp::shape_error>(
      "prune: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] { tamp::prune(tamp::matrix_view<float>(numbers.data(), 2, 4, 0, 1), recipe); });
  support::check_error<tamp::shape_error>(
      "prune: the elements (0, 1) and (0, 0) of the weight share their memory: its strides are 1 "
      "and 0",
      [&] { tamp::prune(tamp::matrix_view<float>(numbers.data(), 2, 4, 1, 0), recipe); });
  BOOST_TEST(numbers == (std::vector<float>{4, 3, 2, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
