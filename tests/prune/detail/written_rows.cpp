#include <tamp/prune/detail/written_rows.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tamp/execute/sequential.hpp>
#include <tamp/prune/detail/repaired_weight.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/floating_point.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(prune_detail_written_rows)

using support::check_error;
using support::matrix;
using tamp::mask::bitmask;

namespace {

// Quantises what it is given to 8 bits between the least and the largest of the row, as many hosts
// do: 0 is among them only by chance. `exact` rows are kept as they are.
struct requantised {
  matrix<float> numbers;
  std::size_t exact = 0;

  std::size_t rows() const { return numbers.rows(); }
  std::size_t cols() const { return numbers.cols(); }
  void read_row(std::size_t i, std::span<float> out) const {
    std::copy_n(numbers.data() + i * cols(), cols(), out.begin());
  }
  void write_row(std::size_t i, std::span<const float> in) {
    const auto [low, high] = std::minmax_element(in.begin(), in.end());
    const float step = (*high - *low) / 255;
    for (std::size_t j = 0; j < cols(); ++j)
      numbers(i, j) =
          i < exact || step == 0 ? in[j] : *low + std::round((in[j] - *low) / step) * step;
  }
};

// Bytes with a zero point that `zero` forgets.
struct forgetful {
  matrix<float> numbers;
  std::size_t rows() const { return numbers.rows(); }
  std::size_t cols() const { return numbers.cols(); }
  void read_row(std::size_t i, std::span<float> out) const {
    std::copy_n(numbers.data() + i * cols(), cols(), out.begin());
  }
  void zero(std::size_t i, std::span<const std::uint64_t> keep) {
    tamp::zero_dropped(std::span(numbers.data() + i * cols(), cols()), keep, -0.25f);
  }
};

// A model of one layer.
struct one_layer {
  forgetful weight;
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&& visit) { visit("up", weight); }
  void observe_block(std::size_t, auto&) {}
  void advance(std::size_t) {}
};

// Odd columns go, and stay what they are nevertheless.
struct untrue {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  static constexpr bool repairs = true;
  struct repaired {
    bitmask keep;
    matrix<double> numbers;
    std::string note{};
    tamp::matrix_view<const double> weights() const { return tamp::view(numbers); }
  };
  std::size_t more_rows = 0;
  template <tamp::executor E, class Source, class Pattern>
  repaired repair(const E&, std::string_view, std::string_view, const Source& weight, const needs&,
                  const Pattern&, double) const {
    repaired result{bitmask(weight.rows(), weight.cols()),
                    matrix<double>(weight.rows() + more_rows, weight.cols(), 2.0)};
    result.keep.set(1, 1, false);
    return result;
  }
};

const matrix<float> weight{{1, 2, 3.3f, 4}, {-1, 0.6f, 2.1f, 5}, {7, 7, 7, 7}, {-3, -1, 2, 9.7f}};

bitmask half() {
  bitmask keep(4, 4);
  for (const std::size_t i : {1u, 3u}) keep.set(i, 1, false), keep.set(i, 2, false);
  return keep;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_that_cannot_hold_zeros_is_restored_and_named) {
  for (const auto& exec : support::every_executor) {
    requantised lossy{weight};
    try {
      tamp::apply(exec, lossy, half());
      BOOST_ERROR("nothing was refused");
    } catch (const tamp::value_error& e) {
      BOOST_TEST(std::string_view(e.what()).starts_with(
          "apply: the weight in row 1, column 1 was set to 0 and reads back as "));
    }
    for (const std::size_t i : {0u, 2u})  // of which nothing is dropped
      for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(lossy.numbers(i, j) == weight(i, j));
    for (const std::size_t i : {1u, 3u})  // as near as this tensor can say
      for (std::size_t j = 0; j < 4; ++j)
        BOOST_TEST(std::fabs(lossy.numbers(i, j) - weight(i, j)) < 0.05f);
  }
}

BOOST_AUTO_TEST_CASE(rows_that_hold_their_zeros_are_pruned_although_others_do_not) {
  for (const auto& exec : support::every_executor) {
    requantised lossy{weight, 2};  // row 3 fails, row 1 does not
    BOOST_CHECK_THROW(tamp::apply(exec, lossy, half()), tamp::value_error);
    BOOST_TEST(lossy.numbers(1, 0) == -1);
    BOOST_TEST(lossy.numbers(1, 1) == 0);
    BOOST_TEST(lossy.numbers(1, 2) == 0);
    BOOST_TEST(std::fabs(lossy.numbers(3, 1) + 1) < 0.05f);
  }
}

BOOST_AUTO_TEST_CASE(a_row_of_which_nothing_is_dropped_is_not_written) {
  requantised lossy{weight};
  tamp::apply(lossy, bitmask(4, 4));
  BOOST_TEST((lossy.numbers == weight));
}

BOOST_AUTO_TEST_CASE(a_tensor_whose_zero_makes_no_zeros_is_named) {
  for (const auto& exec : support::every_executor) {
    forgetful shifted{weight};
    check_error<tamp::value_error>(
        "apply: the weight in row 1, column 1 was set to 0 and reads back as -0.25; the tensor's "
        "zero(row, keep) makes it no zero",
        [&] { tamp::apply(exec, shifted, half()); });
  }
}

BOOST_AUTO_TEST_CASE(prune_says_so_too_and_a_model_names_the_layer) {
  forgetful shifted{weight};
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  check_error<tamp::value_error>(
      "prune: the weight in row 0, column 0 was set to 0 and reads back as -0.25; the tensor's "
      "zero(row, keep) makes it no zero",
      [&] { tamp::prune(shifted, recipe); });
  one_layer model{{weight}};
  check_error<tamp::value_error>(
      "prune: the weight in row 0, column 0 of up was set to 0 and reads back as -0.25; the "
      "tensor's zero(row, keep) makes it no zero; 0 of 1 layers are done, up is written in part, "
      "the "
      "others are as they were",
      [&] { tamp::prune_model(model, recipe); });
}

BOOST_AUTO_TEST_CASE(a_repaired_layer_must_be_what_its_mask_says) {
  const auto norms = tamp::observe<tamp::stat::column_norm>(weight);
  const auto recipe = [](std::size_t more_rows) {
    return tamp::compose(untrue{more_rows}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  };
  matrix<float> w = weight;
  check_error<tamp::value_error>(
      "prune: the repaired weight in row 1, column 1 is 2, and its mask drops it",
      [&] { tamp::prune(w, norms, recipe(0)); });
  check_error<tamp::shape_error>(
      "prune: the score custom made repaired weights of 5 x 4 for a weight of 4 x 4",
      [&] { tamp::prune(w, norms, recipe(1)); });
  BOOST_TEST((w == weight));
}

namespace {

struct repaired_row {
  support::matrix<double> numbers;
  tamp::mask::bitmask keep;
  tamp::matrix_view<const double> weights() const { return tamp::view(numbers); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_repaired_weight_beyond_a_float_is_refused_in_any_rounding_mode) {
  const repaired_row row{{{1, 3.5e38}}, tamp::mask::bitmask(1, 2)};
  for (const int mode : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    const support::rounding as(mode);
    BOOST_CHECK_THROW(tamp::detail::check_repaired<tamp::matrix_view<float>>(
                          tamp::execute::sequential{}, "test", "layer", row),
                      tamp::value_error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
