#include "support.hpp"

#include <tamp/allocate/uniform.hpp>
#include <tamp/cuda/apply.cuh>
#include <tamp/cuda/select.cuh>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/apply.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(cuda_select)

namespace {

using support::matrix, support::device_matrix, support::check_error;
using tamp::compose, tamp::allocate::uniform, tamp::score::magnitude, tamp::score::wanda;
using namespace tamp::pattern;
const auto on = tamp::on(nullptr);

/// A user's score that may be negative, and is not a number for a weight of 13.
struct shifted {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  TAMP_FN float operator()(float weight, float norm) const noexcept {
    return weight == 13 ? (norm - norm) / (norm - norm) : weight - norm;
  }
};
/// One that returns double.
struct finer {
  using role = tamp::role::score;
  TAMP_FN double operator()(float weight) const noexcept { return double(weight) * weight + 1e-9; }
};

/// The CPU's mask. Elements of 16 bits are floats to it, as the scores are.
template <class T, class Recipe>
tamp::mask::bitmask expected(const matrix<T>& weight, const std::vector<float>& norms,
                             const Recipe& recipe) {
  if constexpr (tamp::detail::needs_statistic<typename Recipe::score_policy>)
    return tamp::select(support::as<float>(weight), norms, recipe);
  else
    return tamp::select(support::as<float>(weight), recipe);
}

/// The GPU's mask of a weight in some layout.
template <class T, class Recipe>
tamp::mask::bitmask found(const device_matrix<T>& weight, const std::vector<float>& norms,
                          const Recipe& recipe) {
  if constexpr (tamp::detail::needs_statistic<typename Recipe::score_policy>) {
    const auto device_norms = support::device_row(norms);
    return tamp::select(on, weight.view(), device_norms.view(), recipe).to_host(on);
  } else {
    return tamp::select(on, weight.view(), recipe).to_host(on);
  }
}

template <class Use>
void for_each_recipe(double sparsity, Use&& use) {
  use("per_row", compose(wanda{}, per_row{}, uniform{sparsity}));
  use("per_tensor", compose(magnitude{}, per_tensor{}, uniform{sparsity}));
  use("2:4", compose(wanda{}, n_of_m<2, 4>{}));
  use("3:7", compose(magnitude{}, n_of_m<3, 7>{}));
}

template <class T>
void check_masks(const matrix<float>& numbers, const std::vector<float>& norms, double sparsity) {
  const auto weight = support::as<T>(numbers);
  const device_matrix<T> device(weight);
  for_each_recipe(sparsity, [&](const char* name, const auto& recipe) {
    BOOST_TEST_CONTEXT(name << ", " << weight.rows() << " x " << weight.cols() << ", sparsity "
                            << sparsity << ", elements of " << sizeof(T) << " bytes")
    BOOST_TEST(found(device, norms, recipe) == expected(weight, norms, recipe));
  });
}

/// One that is not a number for a weight of zero.
struct quotient {
  using role = tamp::role::score;
  TAMP_FN float operator()(float weight) const noexcept { return (weight + weight) / weight; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_each_row_loses_its_lowest_products) {
  const device_matrix<float> W({{4, -1, 2, -3}, {0.5f, -8, -7, 3}});
  const auto norms = support::device_row({1, 4, 1, 1});
  const auto recipe = compose(wanda{}, per_row{}, uniform{0.5});
  const auto keep = tamp::select(on, W.view(), norms.view(), recipe);
  tamp::apply(on, W.view(), keep);
  BOOST_TEST((W.numbers() == matrix<float>{{4, -1, 0, 0}, {0, -8, -7, 0}}));
}

BOOST_AUTO_TEST_CASE(masks_are_those_of_the_cpu) {
  std::vector<std::pair<std::size_t, std::size_t>> shapes = {
      {1, 1}, {1, 31}, {3, 32}, {2, 65}, {5, 127}, {3, 200}, {2, 1001}, {1, 2049}, {2, 4104}};
  if (!support::is_emulated)
    shapes.insert(shapes.end(),
                  {{300, 64}, {129, 4096}, {65, 11008}, {1000, 3001}, {3, 28672}, {3, 100003}});
  unsigned seed = 1;
  for (const auto& [rows, cols] : shapes) {
    const double sparsity = std::vector{0.5, 0.3, 0.9, 0.01}[seed % 4];
    const auto numbers = support::random_matrix(rows, cols, seed);
    const auto norms = support::random_norms(cols, seed++);
    check_masks<float>(numbers, norms, sparsity);
    check_masks<tamp::f16>(numbers, norms, sparsity);
    check_masks<tamp::bf16>(numbers, norms, sparsity);
    check_masks<__half>(numbers, norms, sparsity);
    check_masks<__nv_bfloat16>(numbers, norms, sparsity);
  }
}

BOOST_AUTO_TEST_CASE(sparsities_from_nothing_to_everything) {
  const auto numbers = support::random_matrix(3, 150, 7);
  for (const double sparsity : {0.0, 0.003, 0.3, 0.7, 0.999, 1.0})
    check_masks<float>(numbers, support::random_norms(150, 8), sparsity);
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_lower_index_goes_first) {
  const std::pair<std::size_t, std::size_t> shapes[] = {{5, 100}, {3, 2500}, {40, 7}};
  std::size_t k = 0;
  for (const auto& [rows, cols] : shapes)
    for (const double sparsity : {0.1, 0.25, 0.5, 0.75, 0.9}) {
      if (!support::is_run_here(k++, 4)) continue;
      const auto numbers = support::matrix_of_ties(rows, cols, 3);
      check_masks<float>(numbers, std::vector<float>(cols, 1.0f), sparsity);
      check_masks<tamp::bf16>(numbers, std::vector<float>(cols, 1.0f), sparsity);
    }
  check_masks<float>(matrix<float>(3, 2100, 1.0f), std::vector<float>(2100, 0.0f), 0.4);
}

BOOST_AUTO_TEST_CASE(groups_of_every_width) {
  const auto weight = support::as<tamp::f16>(support::matrix_of_ties(3, 331, 5));
  const device_matrix<tamp::f16> device(weight);
  const auto check = [&](const auto& pattern) {
    const auto recipe = compose(magnitude{}, pattern);
    BOOST_TEST_CONTEXT(pattern.label())
    BOOST_TEST(found(device, {}, recipe) == expected(weight, {}, recipe));
  };
  check(n_of_m<1, 2>{});
  check(n_of_m<1, 3>{});
  check(n_of_m<4, 8>{});
  check(n_of_m<5, 16>{});
  check(n_of_m<9, 10>{});
  check(n_of_m<7, 31>{});
  check(n_of_m<31, 32>{});
}

BOOST_AUTO_TEST_CASE(any_layout) {
  const std::ptrdiff_t rows = 6, cols = 130;
  const auto weight = support::as<tamp::bf16>(support::random_matrix(6, 130, 11));
  const auto norms = support::random_norms(130, 12);
  const struct {
    const char* name;
    std::ptrdiff_t row_stride, col_stride;
    std::size_t offset;
  } layouts[] = {
      {"row-major from an odd place", cols, 1, 1}, {"row-major with aligned rows", cols + 6, 1, 8},
      {"row-major with odd gaps", cols + 3, 1, 0}, {"column-major", 1, rows, 0},
      {"column-major with gaps", 1, rows + 3, 2},  {"every third element", 3 * cols, 3, 0}};
  for (const auto& layout : layouts) {
    const device_matrix<tamp::bf16> device(weight, layout.row_stride, layout.col_stride,
                                           layout.offset);
    for_each_recipe(0.6, [&](const char* name, const auto& recipe) {
      BOOST_TEST_CONTEXT(layout.name << ", " << name)
      BOOST_TEST(found(device, norms, recipe) == expected(weight, norms, recipe));
    });
  }
}

BOOST_AUTO_TEST_CASE(rows_too_long_for_shared_memory) {
#if defined(TAMP_CUDA_EMULATED)
  const std::size_t cols = 3001, limit = std::exchange(emulator::max_shared_memory, 10000);
#else
  const std::size_t cols = 100003;
#endif
  for (const double sparsity : {0.2, 0.5}) {
    check_masks<float>(support::random_matrix(3, cols, 2), support::random_norms(cols, 3),
                       sparsity);
    check_masks<tamp::f16>(support::matrix_of_ties(2, cols - 1, 4),
                           std::vector<float>(cols - 1, 2.0f), sparsity);
  }
#if defined(TAMP_CUDA_EMULATED)
  emulator::max_shared_memory = limit;
#endif
}

BOOST_AUTO_TEST_CASE(a_users_own_scores) {
  const auto weight = support::random_matrix(4, 333, 21);
  const auto norms = support::random_norms(333, 22);
  const device_matrix<float> device(weight);
  const auto check = [&](const auto& recipe) {
    BOOST_TEST(found(device, norms, recipe) == expected(weight, norms, recipe));
  };
  check(compose(shifted{}, per_row{}, uniform{0.4}));
  check(compose(shifted{}, per_tensor{}, uniform{0.4}));
  check(compose(shifted{}, n_of_m<2, 4>{}));
  check(compose(finer{}, per_row{}, uniform{0.4}));
  check(compose(finer{}, per_tensor{}, uniform{0.4}));
  check(compose(finer{}, n_of_m<1, 6>{}));
}

BOOST_AUTO_TEST_CASE(a_weight_without_elements_gives_such_a_mask) {
  const std::pair<std::size_t, std::size_t> shapes[] = {{0, 0}, {0, 5}, {5, 0}};
  for (const auto& [rows, cols] : shapes) {
    const matrix<float> weight(rows, cols);
    const device_matrix<float> device(weight);
    const std::vector<float> norms(cols, 1.0f);
    for_each_recipe(0.5, [&](const char*, const auto& recipe) {
      const auto keep = found(device, norms, recipe);
      BOOST_TEST(keep == expected(weight, norms, recipe));
      BOOST_TEST(keep.rows() == weight.rows());
    });
    const auto keep = tamp::select(on, device.view(), compose(magnitude{}, n_of_m<2, 4>{}));
    tamp::apply(on, device.view(), keep);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_named_and_nothing_is_written) {
  auto weight = support::random_matrix(4, 70, 31);
  weight(3, 5) = support::not_a_number;
  weight(2, 69) = -support::infinity;
  weight(3, 1) = support::infinity;
  const device_matrix<float> device(weight);
  const auto norms = support::device_row(std::vector<float>(70, 1.0f));
  for_each_recipe(0.5, [&](const char* name, const auto& recipe) {
    BOOST_TEST_CONTEXT(name) {
      const auto keep = tamp::select(on, device.view(), norms.view(), recipe);
      tamp::apply(on, device.view(), keep);
      BOOST_TEST((device.numbers() == weight));
      const std::string sentence = "select: the weight in row 2, column 69 is -inf";
      check_error<tamp::value_error>(sentence, [&] { keep.check(on); });
      check_error<tamp::value_error>(sentence, [&] { keep.to_host(on); });
      check_error<tamp::value_error>("prune: the weight in row 2, column 69 of layer 7 is -inf",
                                     [&] { keep.check(on, "prune", "layer 7"); });
    }
  });
  weight(2, 69) = 1;
  weight(3, 1) = 2;
  const device_matrix<float> other(weight);
  check_error<tamp::value_error>("select: the weight in row 3, column 5 is nan", [&] {
    tamp::select(on, other.view(), compose(magnitude{}, n_of_m<2, 4>{})).check(on);
  });
}

BOOST_AUTO_TEST_CASE(statistics_that_are_not_finite_come_first) {
  auto weight = support::random_matrix(2, 40, 41);
  weight(0, 0) = support::not_a_number;
  const device_matrix<float> device(weight), empty(matrix<float>(0, 40));
  std::vector<float> numbers(40, 1.0f);
  numbers[39] = support::infinity;
  numbers[33] = support::not_a_number;
  const auto norms = support::device_row(numbers);
  const auto check = [&](const auto& recipe) {
    for (const auto& w : {device.view(), empty.view()}) {
      const auto keep = tamp::select(on, w, norms.view(), recipe);
      tamp::apply(on, w, keep);
      check_error<tamp::value_error>("select: the statistic of column 33 is nan",
                                     [&] { keep.check(on); });
    }
  };
  check(compose(wanda{}, per_row{}, uniform{0.5}));
  check(compose(wanda{}, per_tensor{}, uniform{0.5}));
  check(compose(wanda{}, n_of_m<2, 4>{}));
  check(compose(wanda{}, n_of_m<2, 5>{}));
  BOOST_TEST((device.numbers() == weight));
}

BOOST_AUTO_TEST_CASE(a_score_that_is_not_a_number_is_named_with_its_weight) {
  auto weight = support::random_matrix(3, 50, 51);
  weight(1, 44) = weight(2, 3) = 13;
  const device_matrix<float> device(weight);
  const auto norms = support::device_row(std::vector<float>(50, 1.0f));
  for (const double sparsity : {0.0, 0.5}) {
    const auto keep = tamp::select(on, device.view(), norms.view(),
                                   compose(shifted{}, per_row{}, uniform{sparsity}));
    tamp::apply(on, device.view(), keep);
    BOOST_TEST((device.numbers() == weight));
    check_error<tamp::value_error>(
        "select: the score of the weight in row 1, column 44, which is 13, is not a number",
        [&] { keep.check(on); });
  }
}

BOOST_AUTO_TEST_CASE(what_lies_beyond_a_row_is_not_scored) {
  const auto weight = support::as<tamp::bf16>(support::random_matrix(3, 50, 61));
  const device_matrix<tamp::bf16> packed(weight, 56, 1);
  const auto check = [&](const auto& recipe) {
    BOOST_TEST(found(packed, {}, recipe) == expected(weight, {}, recipe));
  };
  check(compose(quotient{}, per_row{}, uniform{0.5}));
  check(compose(quotient{}, per_tensor{}, uniform{0.5}));
  check(compose(quotient{}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(shapes_and_sparsities_are_checked_before_anything_is_launched) {
  const device_matrix<float> device(matrix<float>(2, 12));
  const auto norms = support::device_row(std::vector<float>(16, 1.0f));
  check_error<tamp::shape_error>("select: the weight has 12 columns, the statistics cover 16", [&] {
    tamp::select(on, device.view(), norms.view(), compose(wanda{}, n_of_m<2, 4>{}));
  });
  check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 1.5", [&] {
    tamp::select(on, device.view(), compose(magnitude{}, per_row{}, uniform{1.5}));
  });
}

BOOST_AUTO_TEST_SUITE_END()
