#pragma once

/// @file
/// The operation that writes a mask into a weight: dropped weights become zero.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../mask/bitmask.hpp"
#include "../mask/detail/bits.hpp"
#include "../mask/zero_dropped.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/rows.hpp"
#include "detail/arguments.hpp"
#include "detail/written_rows.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Refuses a weight that cannot be pruned in place, or whose type of number has no zero.
template <class T>
void check_writable(std::string_view operation, matrix_view<T> weight) {
  static_assert(!std::is_const_v<T>, "this weight is const and cannot be pruned in place");
  if (const auto read = element_traits<T>::load(zero_of<T>()); read != 0)
    raise<value_error>(operation,
                       ": the weight's type of number has no zero: element_traits stores "
                       "0 as what it loads as ",
                       read);
  check_apart(operation, weight, "the weight");
}

template <executor E, class T>
void apply_to(const E& exec, std::string_view, std::string_view, const mask::bitmask& keep,
              matrix_view<T> weight) {
  const T zero = zero_of<T>();
  if (weight.contiguous_rows()) {
    // From the last rows on: the maker of the mask has just read them, and they may still be in a
    // cache. Groups of about a megabyte run forwards, since processors read ahead forwards.
    const std::size_t group = (std::size_t{1} << 20) / (weight.cols() * sizeof(T)) + 1;
    for_each_range(exec, weight.rows(), weight.cols(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t last = end; last != begin;) {
        const std::size_t first = last - (std::min)(group, last - begin);
        for (std::size_t i = first; i < last; ++i) write_zeros(weight.row(i), keep.row(i), zero);
        last = first;
      }
    });
    return;
  }
  // Squares of 64 x 64 bits are transposed in the mask, which is small, so that the weight is
  // traversed along its columns, which are usually contiguous.
  const std::size_t side = mask::word_bits;
  const std::size_t bands = (weight.rows() + side - 1) / side;
  for_each_range(exec, bands, side * weight.cols(), [&](std::size_t begin, std::size_t end) {
    std::array<mask::word, mask::word_bits> square;
    for (std::size_t band = begin; band < end; ++band) {
      const std::size_t i = band * side, height = (std::min)(side, weight.rows() - i);
      for (std::size_t w = 0; w * side < weight.cols(); ++w) {
        square.fill(0);
        for (std::size_t r = 0; r < height; ++r) square[r] = keep.row(i + r)[w];
        transpose_bits(square);
        const std::size_t width = (std::min)(side, weight.cols() - w * side);
        for (std::size_t c = 0; c < width; ++c) {
          T* column = &weight(i, w * side + c);
          if (weight.contiguous_cols()) {
            write_zeros(std::span(column, height), std::span(square).subspan(c, 1), zero);
          } else {
            for (std::size_t r = 0; r < height; ++r)
              if ((square[c] >> r & 1u) == 0)
                column[static_cast<std::ptrdiff_t>(r) * weight.row_stride()] = zero;
          }
        }
      }
    }
  });
}

/// Leaves rows in which nothing is dropped untouched, and reads back the rows that it writes.
template <executor E, row_tensor Weight>
void apply_to(const E& exec, std::string_view operation, std::string_view layer,
              const mask::bitmask& keep, Weight& weight) {
  if constexpr (zeroable_row_tensor<Weight>) {
    lost_zeros lost;
    for_each_range(exec, keep.rows(), keep.cols(), [&](std::size_t begin, std::size_t end) {
      std::vector<float> row(keep.cols());
      for (std::size_t i = begin; i < end; ++i) {
        if (keep.count(i) == keep.cols()) continue;
        weight.zero(i, keep.row(i));
        weight.read_row(i, std::span(row));
        lost.look_at(i, row, keep.row(i));
      }
    });
    lost.raise_if_any(operation, layer, "the tensor's zero(row, keep) makes it no zero");
  } else {
    write_rows(exec, operation, layer, keep, weight, [&](std::size_t i, std::span<float> row) {
      write_zeros(row, keep.row(i), 0.0f);
      return keep.count(i) != keep.cols();
    });
  }
}

template <class Weight>
constexpr void require_prunable_rows() {
  static_assert(viewable<Weight> || any_tensor<Weight> || writable_row_tensor<Weight> ||
                    zeroable_row_tensor<Weight>,
                "this tensor can only be read: to be pruned it needs zero(i, keep) or write_row(i, "
                "row), and must not be const");
}

/// Applies a mask for apply and prune. `layer` is a name for error messages.
template <executor E, class Target>
void apply_layer(const E& exec, std::string_view operation, std::string_view layer,
                 const mask::bitmask& keep, Target& target) {
  const auto rows = static_cast<std::size_t>(target.rows());
  const auto cols = static_cast<std::size_t>(target.cols());
  if (rows != keep.rows() || cols != keep.cols())
    raise<shape_error>(operation, ": the mask is ", keep.rows(), " x ", keep.cols(), ", the weight",
                       of_layer(layer), " is ", rows, " x ", cols);
  if constexpr (viewable<Target>) check_writable(operation, target);
  if (keep.size() != 0)
    with_memory(operation, [&] { apply_to(any_executor(exec), operation, layer, keep, target); });
}

}  // namespace detail

/// The type of tamp::apply.
struct apply_operation : detail::operation<apply_operation> {
  using detail::operation<apply_operation>::operator();

  template <executor E, class Weight, class Mask>
  void operator()(const E& exec, Weight&& weight, const Mask& keep) const {
    constexpr bool is_mask = std::is_same_v<Mask, mask::bitmask>;
    static_assert(is_mask,
                  "apply(W, keep): the weight comes first, then its mask, a tamp::mask::bitmask");
    if constexpr (is_mask) {
      if constexpr (detail::check_weight_argument<Weight>()) {
        detail::require_prunable_rows<Weight>();
        detail::with_target(
            weight, [&](auto& target) { detail::apply_layer(exec, "apply", {}, keep, target); });
      }
    }
  }
};

/// Makes every dropped weight zero and leaves the others unchanged, to the bit:
/// apply(where, W, keep).
///
/// Works in place on strided tensors of any layout and element type. Zero is the value that
/// element_traits stores for 0, +0 for float. Works on row tensors that have `zero` or `write_row`,
/// and reads each row back. `zero` is preferred, since it does not touch kept weights. Rows are
/// distributed over the executor's threads.
/// @throws shape_error if mask and weight differ in shape, if elements of the weight share their
///         memory, as in a broadcast, or if it has elements but no memory; nothing is written then
/// @throws value_error if the weight's type of number has no zero (nothing is written), or if a
///         dropped weight of a row tensor reads back as another number than 0. In the second case
///         all rows have been tried: rows that hold their zeros are pruned, and the others are
///         unchanged, if they can be written back.
inline constexpr apply_operation apply{};

}  // namespace tamp::inline TAMP_FLAGS
