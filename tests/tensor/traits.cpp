#include <tamp/tensor/traits.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

// A host's strided tensor with its own 16-bit numbers.
struct host_half {
  std::uint16_t bits;
};
struct host_tensor {
  std::vector<host_half> storage;
  int rows, cols;
};

// Rows that exist only when asked for: readable, writable, and able to drop.
struct readable_rows {
  int rows() const { return 2; }
  int cols() const { return 3; }
  void read_row(std::size_t i, std::span<float> out) const {
    for (float& x : out) x = float(i);
  }
};
struct writable_rows : readable_rows {
  void write_row(std::size_t, std::span<const float>) {}
};
struct zeroable_rows : readable_rows {
  void zero(std::size_t, std::span<const std::uint64_t>) {}
};
struct rows_without_cols {
  std::size_t rows() const { return 0; }
  void read_row(std::size_t, std::span<float>) const {}
};

struct device {};

}  // namespace

template <>
struct tamp::element_traits<host_half> : tamp::element_like<host_half, tamp::f16> {};

template <>
struct tamp::tensor_traits<host_tensor> {
  static matrix_view<const host_half> view(const host_tensor& t) {
    return {t.storage.data(), std::size_t(t.rows), std::size_t(t.cols)};
  }
  static matrix_view<host_half> view(host_tensor& t) {
    return {t.storage.data(), std::size_t(t.rows), std::size_t(t.cols)};
  }
};

BOOST_AUTO_TEST_SUITE(tensor_traits)

BOOST_AUTO_TEST_CASE(a_foreign_type_joins_through_the_trait) {
  host_tensor t{std::vector<host_half>(6), 2, 3};
  auto v = tamp::view(t);
  static_assert(std::is_same_v<decltype(v), tamp::matrix_view<host_half>>);
  v(1, 2) = {0x3c00};
  BOOST_TEST(t.storage[5].bits == 0x3c00);
  const host_tensor& reading = t;
  static_assert(std::is_same_v<decltype(tamp::view(reading)), tamp::matrix_view<const host_half>>);
  BOOST_TEST(&tamp::view(reading)(1, 2) == &t.storage[5]);
}

BOOST_AUTO_TEST_CASE(a_view_is_its_own_view) {
  float x[6] = {};
  const auto m = tamp::column_major(x, 2, 3);
  const auto same = tamp::view(m);
  static_assert(std::is_same_v<decltype(same), decltype(m)>);
  BOOST_TEST(same.data() == x);
  BOOST_TEST(same.col_stride() == 2);
  static_assert(tamp::strided_tensor<tamp::matrix_view<float, device>>);
}

BOOST_AUTO_TEST_CASE(a_span_is_one_row) {
  std::array<float, 4> x{1, 2, 3, 4};
  const auto row = tamp::view(std::span(x));
  BOOST_TEST(row.rows() == 1u);
  BOOST_TEST(row.cols() == 4u);
  BOOST_TEST(&row(0, 3) == &x[3]);
  static_assert(std::is_same_v<decltype(tamp::view(std::span<const double>())),
                               tamp::matrix_view<const double>>);
  BOOST_TEST(tamp::view(std::span<float>()).rows() == 1u);
  BOOST_TEST(tamp::view(std::span<float>()).empty());
}

BOOST_AUTO_TEST_CASE(a_pointer_a_span_and_a_vector_take_a_shape) {
  std::vector<float> x{1, 2, 3, 4, 5, 6};
  const std::vector<float>& reading = x;
  BOOST_TEST(&tamp::view(x.data(), 2, 3)(1, 0) == &x[3]);
  BOOST_TEST(&tamp::view(std::span(x), 2, 3)(1, 0) == &x[3]);
  BOOST_TEST(&tamp::view(x, 2, 3)(1, 0) == &x[3]);
  BOOST_TEST(&tamp::view(reading, 2, 3)(1, 0) == &x[3]);
  static_assert(std::is_same_v<decltype(tamp::view(x, 2, 3)), tamp::matrix_view<float>>);
  static_assert(
      std::is_same_v<decltype(tamp::view(reading, 2, 3)), tamp::matrix_view<const float>>);
  BOOST_CHECK_THROW(tamp::view(x, 2, 4), tamp::shape_error);
  BOOST_CHECK_THROW(tamp::view(reading, 7, 1), tamp::shape_error);
  BOOST_CHECK_THROW(tamp::view(std::span<const float>(x), 5, 1), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(whatever_has_its_elements_side_by_side_takes_a_shape) {
  std::array<float, 6> fixed{1, 2, 3, 4, 5, 6};
  BOOST_TEST(&tamp::view(fixed, 2, 3)(1, 0) == &fixed[3]);
  BOOST_TEST(&tamp::view(std::as_const(fixed), 2, 3)(1, 0) == &fixed[3]);
  BOOST_CHECK_THROW(tamp::view(fixed, 2, 2), tamp::shape_error);
  double array[] = {1, 2, 3, 4};
  static_assert(std::is_same_v<decltype(tamp::view(array, 2, 2)), tamp::matrix_view<double>>);
  BOOST_TEST(&tamp::view(array, 2, 2)(1, 1) == &array[3]);
  BOOST_CHECK_THROW(tamp::view(array, 2, 3), tamp::shape_error);
  std::pmr::vector<float> pooled{1, 2, 3, 4};
  BOOST_TEST(&tamp::view(pooled, 2, 2)(1, 0) == &pooled[2]);
  const std::pmr::vector<float>& reading = pooled;
  static_assert(
      std::is_same_v<decltype(tamp::view(reading, 2, 2)), tamp::matrix_view<const float>>);
  BOOST_TEST(&tamp::view(std::span(pooled).subspan(2), 1, 2)(0, 0) == &pooled[2]);
  BOOST_TEST(&tamp::view(std::ranges::subrange(pooled.begin(), pooled.end()), 1, 4)(0, 0) ==
             pooled.data());
  float* const pointer = fixed.data();
  static_assert(std::is_same_v<decltype(tamp::view(pointer, 2, 3)), tamp::matrix_view<float>>);
  static_assert(std::is_same_v<decltype(tamp::view(static_cast<const float*>(pointer), 2, 3)),
                               tamp::matrix_view<const float>>);
}

BOOST_AUTO_TEST_CASE(only_elements_of_a_known_type_in_the_cpus_memory_are_read) {
  static_assert(tamp::tensor<tamp::matrix_view<const float>>);
  static_assert(tamp::tensor<tamp::matrix_view<host_half>>);
  static_assert(!tamp::tensor<tamp::matrix_view<int>>);
  static_assert(!tamp::strided_tensor<tamp::matrix_view<int>>);
  static_assert(!tamp::tensor<std::span<std::vector<float>>>);
  static_assert(!tamp::tensor<std::span<const bool>>);
  static_assert(!tamp::tensor<tamp::matrix_view<float, device>>);
  static_assert(!tamp::tensor<tamp::matrix_view<float, tamp::cuda_space>>);
  static_assert(tamp::strided_tensor<tamp::matrix_view<float, tamp::cuda_space>>);
  // A tensor that cannot be read may have a view, and a function explains its fault.
  static_assert(tamp::viewable<tamp::matrix_view<int>> && tamp::viewable<std::span<bool>>);
  static_assert(tamp::tensor_argument<tamp::matrix_view<float, device>>);
  static_assert(!tamp::tensor_argument<std::vector<float>> && !tamp::tensor_argument<int>);
}

BOOST_AUTO_TEST_CASE(only_elements_that_may_be_written_are_pruned) {
  static_assert(tamp::prunable_tensor<tamp::matrix_view<float>>);
  static_assert(tamp::prunable_tensor<const tamp::matrix_view<float>&>);  // as with std::span
  static_assert(tamp::prunable_tensor<std::span<double>>);
  static_assert(!tamp::prunable_tensor<tamp::matrix_view<const float>>);
  static_assert(!tamp::prunable_tensor<std::span<const double>>);
  static_assert(!tamp::prunable_tensor<tamp::matrix_view<int>>);
  static_assert(!tamp::prunable_tensor<std::span<std::vector<float>>>);
  static_assert(!tamp::prunable_tensor<tamp::matrix_view<float, device>>);
  static_assert(!tamp::prunable_tensor<const host_tensor&>);
}

BOOST_AUTO_TEST_CASE(each_tier_is_told_from_the_other) {
  static_assert(tamp::strided_tensor<host_tensor> && tamp::strided_tensor<const host_tensor&>);
  static_assert(!tamp::row_tensor<host_tensor> && tamp::tensor<host_tensor>);
  static_assert(tamp::row_tensor<readable_rows> && tamp::row_tensor<const readable_rows&>);
  static_assert(!tamp::strided_tensor<readable_rows> && tamp::tensor<readable_rows>);
  static_assert(!tamp::tensor<rows_without_cols> && !tamp::tensor<int>);
  static_assert(!tamp::tensor<std::vector<float>>);  // one row, or how many? its shape is missing
}

BOOST_AUTO_TEST_CASE(rows_can_be_pruned_if_they_can_be_written_or_dropped) {
  static_assert(tamp::prunable_tensor<host_tensor>);
  static_assert(!tamp::prunable_tensor<readable_rows>);
  static_assert(tamp::writable_row_tensor<writable_rows> && tamp::prunable_tensor<writable_rows>);
  static_assert(!tamp::zeroable_row_tensor<writable_rows>);
  static_assert(tamp::zeroable_row_tensor<zeroable_rows> && tamp::prunable_tensor<zeroable_rows>);
  static_assert(!tamp::prunable_tensor<const writable_rows>);
  static_assert(!tamp::prunable_tensor<const zeroable_rows&>);
}

BOOST_AUTO_TEST_SUITE_END()
