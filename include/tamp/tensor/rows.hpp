#pragma once

/// @file
/// Row-by-row access to any tensor, as contiguous numbers ready for arithmetic.

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../element.hpp"
#include "../simd/conversion.hpp"
#include "detail/source.hpp"
#include "traits.hpp"
#include "view.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// A reader of the rows of a tensor, as spans of its compute type. Ascending order is fastest. A
/// span is valid until the next call. A reader is not thread-safe: each thread needs its own.
template <class Source>
class row_reader;

/// The reader of a view. Contiguous rows of float or double are returned in place. All others are
/// converted into a buffer: a contiguous row by itself, other rows a tile at a time, so that every
/// cache line fetched from a column-major matrix is used whole. A tile holds rows that were not
/// requested yet. The matrix must therefore not be written to while a reader is in use.
template <class T>
class row_reader<matrix_view<T>> {
 public:
  using value_type = compute_type<T>;

  explicit row_reader(matrix_view<T> m) : matrix_(m) {
    if (!matrix_.contiguous_rows()) {
      // The pad of 64 bytes keeps the rows of a tile from a distance of a power of two, at which
      // they would compete for the same few places in the first-level cache.
      pitch_ = matrix_.cols() + 64 / sizeof(value_type);
      buffer_ = checked_array<value_type>(
          "tensor", checked_product("tensor", (std::min)(tile_rows, matrix_.rows()), pitch_));
    } else if (!in_place) {
      buffer_ = checked_array<value_type>("tensor", matrix_.cols());
    }
  }

  std::span<const value_type> operator()(std::size_t i) {
    if (!matrix_.contiguous_rows()) {
      if (i < tile_begin_ || i >= tile_end_) load_tile(i);
      return {buffer_.data() + (i - tile_begin_) * pitch_, matrix_.cols()};
    }
    const std::span<T> row = matrix_.row(i);
    if constexpr (in_place) {
      return row;
    } else {
      with_conversion(
          [&](auto loops) { loops.convert_row(row.data(), row.size(), buffer_.data()); });
      return buffer_;
    }
  }

 private:
  using traits = element_traits<std::remove_const_t<T>>;
  static constexpr bool in_place = std::is_same_v<std::remove_const_t<T>, value_type>;
  static constexpr std::size_t tile_rows = 256 / sizeof(T);  // four cache lines of a column

  void load_tile(std::size_t first) {
    tile_begin_ = first;
    tile_end_ = (std::min)(first + tile_rows, matrix_.rows());
    const std::size_t height = tile_end_ - tile_begin_;
    if (matrix_.contiguous_cols()) {
      with_conversion([&](auto loops) {
        loops.rows_of_columns(&std::as_const(matrix_(first, 0)), matrix_.col_stride(), height,
                              matrix_.cols(), buffer_.data(), pitch_);
      });
      return;
    }
    for (std::size_t j = 0; j < matrix_.cols(); ++j) {
      const T* from = &matrix_(first, j);
      for (std::size_t r = 0; r < height; ++r)
        buffer_[r * pitch_ + j] =
            traits::load(from[static_cast<std::ptrdiff_t>(r) * matrix_.row_stride()]);
    }
  }

  matrix_view<T> matrix_;
  std::vector<value_type> buffer_;
  std::size_t pitch_ = 0, tile_begin_ = 0, tile_end_ = 0;
};

template <row_tensor T>
class row_reader<T> {
 public:
  using value_type = float;

  explicit row_reader(const T& tensor)
      : tensor_(&tensor),
        buffer_(checked_array<float>("tensor", static_cast<std::size_t>(tensor.cols()))) {}

  std::span<const float> operator()(std::size_t i) {
    tensor_->read_row(i, std::span<float>(buffer_));
    return buffer_;
  }

 private:
  const T* tensor_;
  std::vector<float> buffer_;
};

template <class Source>
row_reader(const Source&) -> row_reader<Source>;

/// Calls use(row) with row i as it is in memory, if that is contiguous, or else as numbers that
/// `read` returns. `read` must read the rows of `tensor`.
template <class Source, class Use>
decltype(auto) with_elements(const Source& tensor, row_reader<Source>& read, std::size_t i,
                             Use&& use) {
  if constexpr (is_view<Source>)
    if (tensor.contiguous_rows()) return use(tensor.row(i));
  return use(read(i));
}

/// The number type in which a tensor's rows are read.
template <class Source>
using row_value = typename row_reader<std::remove_cvref_t<Source>>::value_type;

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
