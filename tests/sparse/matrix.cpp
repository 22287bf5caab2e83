#include <tamp/sparse/matrix.hpp>

#include <boost/test/unit_test.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tamp/sparse/pack.hpp>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(sparse_matrix)

using support::check_error;
using tamp::shape_error;
using tamp::mask::bitmask;
using matrix_of_float = tamp::sparse::matrix<float>;
using matrix_of_8_bits = tamp::sparse::matrix<std::int8_t>;

namespace {

// # . #
// . . .
// . # .
bitmask three_kept() {
  bitmask keep(3, 3, false);
  keep.set(0, 0, true);
  keep.set(0, 2, true);
  keep.set(2, 1, true);
  return keep;
}

matrix_of_float by_hand() { return {three_kept(), std::vector<float>{1, 2, 3}}; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_matrix_is_a_mask_and_the_weights_that_it_keeps) {
  const auto s = by_hand();
  BOOST_TEST(s.rows() == 3u);
  BOOST_TEST(s.cols() == 3u);
  BOOST_TEST(s.size() == 9u);
  BOOST_TEST(s.kept() == 3u);
  BOOST_TEST(s.kept(0) == 2u);
  BOOST_TEST(s.kept(1) == 0u);
  BOOST_TEST(s.sparsity() == 6.0 / 9);
  BOOST_TEST(s.bytes() == 3 + 3 * 4 + 3 * 8u);
  BOOST_TEST(s.bits_per_weight() == 8.0 * 39 / 9);
  BOOST_TEST((s.mask() == three_kept()));
  BOOST_TEST(s.values(0)[1] == 2);
  BOOST_TEST(s.values(2)[0] == 3);
  BOOST_TEST(s.scales(2).empty());
  BOOST_TEST((support::dense_of(s) == support::matrix<float>{{1, 0, 2}, {0, 0, 0}, {0, 3, 0}}));
}

BOOST_AUTO_TEST_CASE(weights_of_8_bits_come_with_a_scale_for_each_block) {
  const std::vector<tamp::f16> scales{tamp::f16(2.0f), tamp::f16(0.0f), tamp::f16(0.25f)};
  const matrix_of_8_bits s(three_kept(), std::vector<std::int8_t>{1, -127, 6}, scales);
  BOOST_TEST(
      (support::dense_of(s) == support::matrix<float>{{2, 0, -254}, {0, 0, 0}, {0, 1.5, 0}}));
  BOOST_TEST(s.scales(2).size() == 1u);
  BOOST_TEST(float(s.scales(2)[0]) == 0.25f);
  BOOST_TEST(s.bytes() == 3 + 3 + 3 * 8 + 3 * 2u);
}

BOOST_AUTO_TEST_CASE(kept_weights_and_scales_may_be_changed) {
  auto s = by_hand();
  static_assert(std::same_as<decltype(s.values(0)), std::span<float>>);
  static_assert(std::same_as<decltype(std::as_const(s).values(0)), std::span<const float>>);
  s.values(0)[1] = 7;
  BOOST_TEST((support::dense_of(s) == support::matrix<float>{{1, 0, 7}, {0, 0, 0}, {0, 3, 0}}));
  BOOST_TEST(s.scales(0).empty());

  matrix_of_8_bits q(three_kept(), std::vector<std::int8_t>{1, 2, 3}, std::vector<tamp::f16>(3));
  q.scales(2)[0] = tamp::f16(10.0f);
  q.values(2)[0] = 4;
  BOOST_TEST(support::dense_of(q)(2, 1) == 40);
}

BOOST_AUTO_TEST_CASE(copies_are_apart_and_moved_matrices_are_empty) {
  auto s = by_hand();
  const auto copy = s;
  s.values(0)[0] = 9;
  BOOST_TEST((copy == by_hand()));
  BOOST_TEST((copy != s));

  matrix_of_float moved = std::move(s);
  BOOST_TEST(moved.values(0)[0] == 9);
  BOOST_TEST(s.rows() == 0u);  // NOLINT: a matrix that was moved from is empty
  BOOST_TEST(s.kept() == 0u);
  BOOST_TEST((s == matrix_of_float()));

  s = copy;
  BOOST_TEST((s == copy));
  auto& itself = s;
  s = itself;
  BOOST_TEST((s == copy));
  s = std::move(moved);
  BOOST_TEST(s.values(0)[0] == 9);
  s = {};
  BOOST_TEST((s == matrix_of_float()));
  const auto nothing = s;
  BOOST_TEST((nothing == s));
}

BOOST_AUTO_TEST_CASE(shapes_without_elements_are_matrices) {
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{0, 0}, {0, 70}, {5, 0}}) {
    const matrix_of_float s(bitmask(rows, cols), {});
    BOOST_TEST(s.rows() == rows);
    BOOST_TEST(s.cols() == cols);
    BOOST_TEST(s.kept() == 0u);
    BOOST_TEST(s.sparsity() == 0);
    BOOST_TEST(s.bits_per_weight() == 0);
    BOOST_TEST((s.view() == s));
    BOOST_TEST((matrix_of_float(s) == s));
    for (std::size_t i = 0; i < rows; ++i) BOOST_TEST(s.values(i).empty());
    const matrix_of_8_bits q(bitmask(rows, cols), {}, {});
    BOOST_TEST((q == matrix_of_8_bits(bitmask(rows, cols), {})));
  }
  BOOST_TEST((matrix_of_float(bitmask(0, 70), {}) != matrix_of_float(bitmask(0, 71), {})));
}

BOOST_AUTO_TEST_CASE(matrices_are_equal_bit_by_bit) {
  const auto s = by_hand();
  BOOST_TEST((s == by_hand()));
  const auto with = [](float first) {
    return matrix_of_float(three_kept(), std::vector<float>{first, 2, 3});
  };
  BOOST_TEST((with(0.0f) != with(-0.0f)));
  BOOST_TEST((with(support::not_a_number) == with(support::not_a_number)));
  bitmask elsewhere = three_kept();
  elsewhere.set(2, 1, false);
  elsewhere.set(2, 2, true);
  BOOST_TEST((s != matrix_of_float(elsewhere, std::vector<float>{1, 2, 3})));

  const std::vector<std::int8_t> values{1, 2, 3};
  const auto scaled = [&](float last) {
    return matrix_of_8_bits(
        three_kept(), values,
        std::vector<tamp::f16>{tamp::f16(1.0f), tamp::f16(1.0f), tamp::f16(last)});
  };
  BOOST_TEST((scaled(1) == scaled(1)));
  BOOST_TEST((scaled(1) != scaled(2)));
  BOOST_TEST((scaled(0.0f) != scaled(-0.0f)));
}

BOOST_AUTO_TEST_CASE(a_matrix_is_a_sparse_weight_as_its_view_is) {
  using tamp::sparse::sparse_weight;
  static_assert(sparse_weight<matrix_of_float> && sparse_weight<const matrix_of_8_bits&>);
  static_assert(sparse_weight<tamp::sparse::view<tamp::bf16>>);
  static_assert(!sparse_weight<support::matrix<float>> && !sparse_weight<std::string>);
  static_assert(tamp::row_tensor<matrix_of_float> && tamp::tensor<matrix_of_float>);
  static_assert(!tamp::prunable_tensor<matrix_of_float>);
  const auto s = by_hand();
  const tamp::sparse::view<float> seen = s;
  BOOST_TEST((seen == s));
  BOOST_TEST((tamp::sparse::view_of(s) == tamp::sparse::view_of(seen)));
  BOOST_TEST(seen.values(0).data() == s.values(0).data());
}

BOOST_AUTO_TEST_CASE(parts_that_do_not_fit_are_refused) {
  const auto make_float = [](auto&&... parts) { static_cast<void>(matrix_of_float(parts...)); };
  const auto make_8_bits = [](auto&&... parts) { static_cast<void>(matrix_of_8_bits(parts...)); };
  check_error<shape_error>("sparse::matrix: 2 kept weights for a mask that keeps 3",
                           [&] { make_float(three_kept(), std::vector<float>(2)); });
  check_error<shape_error>("sparse::matrix: 4 kept weights for a mask that keeps 3",
                           [&] { make_float(three_kept(), std::vector<float>(4)); });
  check_error<shape_error>("sparse::matrix: 1 scales for a weight of 3 x 3, which has 0", [&] {
    make_float(three_kept(), std::vector<float>(3), std::vector<tamp::f16>(1));
  });
  check_error<shape_error>("sparse::matrix: 0 scales for a weight of 3 x 3, which has 3",
                           [&] { make_8_bits(three_kept(), std::vector<std::int8_t>(3)); });
  const float* nowhere = nullptr;
  check_error<shape_error>("sparse::matrix: 3 kept weights lie at a null pointer",
                           [&] { make_float(three_kept(), std::span(nowhere, 3)); });
  const tamp::f16* no_scales = nullptr;
  check_error<shape_error>("sparse::matrix: 3 scales lie at a null pointer", [&] {
    make_8_bits(three_kept(), std::vector<std::int8_t>(3), std::span(no_scales, 3));
  });
}

BOOST_AUTO_TEST_SUITE_END()
