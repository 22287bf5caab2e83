#pragma once

/// @file
/// How a host's tensors become tamp's: one trait for strided memory, one concept for the rest.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "element.hpp"
#include "view.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Joins a foreign type with strided memory. Specialise it with one function, `view`:
///
///     template <>
///     struct tamp::tensor_traits<my::tensor> {
///       static tamp::matrix_view<const float> view(const my::tensor& t) { return ...; }
///       static tamp::matrix_view<float> view(my::tensor& t) { return ...; }
///     };
template <class T>
struct tensor_traits;

template <class T, class Space>
struct tensor_traits<matrix_view<T, Space>> {
  static constexpr matrix_view<T, Space> view(matrix_view<T, Space> m) noexcept { return m; }
};

/// A span is one row: one token's activations.
template <class T, std::size_t Extent>
struct tensor_traits<std::span<T, Extent>> {
  static constexpr matrix_view<T> view(std::span<T, Extent> row) noexcept {
    return {row.data(), 1, row.size()};
  }
};

/// A tensor of the first tier: its elements lie in memory at fixed strides.
template <class T>
concept strided_tensor = requires(T& tensor) {
  { tensor_traits<std::remove_cvref_t<T>>::view(tensor).data() };
};

/// A tensor of the second tier: quantised blocks, files, anything without strides.
///
/// `read_row(i, out)` writes row i, converted to float, into `out` (of cols() entries). It is
/// called from several threads at a time, for different rows.
template <class T>
concept row_tensor =
    !strided_tensor<T> && requires(const std::remove_cvref_t<T>& tensor, std::span<float> out) {
      { tensor.rows() } -> std::convertible_to<std::size_t>;
      { tensor.cols() } -> std::convertible_to<std::size_t>;
      tensor.read_row(std::size_t{}, out);
    };

/// A row_tensor that can be pruned by writing whole rows back.
template <class T>
concept writable_row_tensor = row_tensor<T> && requires(T& tensor, std::span<const float> in) {
  tensor.write_row(std::size_t{}, in);
};

/// A row_tensor that can drop weights without touching the kept ones, as quantised storage should:
/// `zero(i, keep)` makes weight (i, j) zero where bit j % 64 of keep[j / 64] is 0 (see
/// tamp::zero_dropped).
template <class T>
concept zeroable_row_tensor =
    row_tensor<T> &&
    requires(T& tensor, std::span<const std::uint64_t> keep) { tensor.zero(std::size_t{}, keep); };

/// Anything that the library can read.
template <class T>
concept tensor = strided_tensor<T> || row_tensor<T>;

/// Anything that the library can prune.
template <class T>
concept prunable_tensor = strided_tensor<T> || writable_row_tensor<T> || zeroable_row_tensor<T>;

/// The library's view of a strided tensor.
template <strided_tensor T>
constexpr auto view(T&& tensor) {
  return tensor_traits<std::remove_cvref_t<T>>::view(tensor);
}

namespace detail {

/// The view of a tensor that the CPU is about to touch.
/// @throws shape_error if there is no memory behind it
template <strided_tensor T>
constexpr auto cpu_view(T&& tensor) {
  auto m = tamp::view(tensor);
  using space = typename decltype(m)::space;
  static_assert(!std::is_same_v<space, cuda_space>,
                "this tensor lives on a GPU: include <tamp/cuda/cuda.cuh>, or only what is needed "
                "from <tamp/cuda/select.cuh>, <tamp/cuda/apply.cuh> ..., and let a stream go "
                "first, as in select(tamp::on(stream), weight, norms, recipe)");
  static_assert(std::is_same_v<space, cpu_space> || std::is_same_v<space, cuda_space>,
                "this tensor lives on a device, and the CPU cannot read it");
  check_memory("tensor", m);
  return m;
}

}  // namespace detail

/// A plain pointer and its shape, row after row.
/// @throws shape_error if memory cannot hold rows * cols elements
template <class T>
constexpr matrix_view<T> view(T* data, std::size_t rows, std::size_t cols) {
  return {data, rows, cols};
}

/// Contiguous elements and their shape, row after row.
/// @throws shape_error if the span does not hold rows * cols elements
template <class T, std::size_t Extent>
constexpr matrix_view<T> view(std::span<T, Extent> elements, std::size_t rows,
                                            std::size_t cols) {
  return {std::span<T>(elements), rows, cols};
}
template <class T>
constexpr matrix_view<T> view(std::vector<T>& elements, std::size_t rows,
                                            std::size_t cols) {
  return {std::span<T>(elements), rows, cols};
}
template <class T>
constexpr matrix_view<const T> view(const std::vector<T>& elements, std::size_t rows,
                                                  std::size_t cols) {
  return {std::span<const T>(elements), rows, cols};
}

}  // namespace tamp::inline TAMP_FLAGS
