#pragma once

/// @file
/// The library's own view of a matrix. All algorithms are written for it.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "../detail/checked.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Memory that the CPU can read.
struct cpu_space {};

/// Memory of an NVIDIA GPU. Operations on it are in <tamp/cuda/...>.
struct cuda_space {};

/// A non-owning view of a matrix: pointer, extents, strides, memory space.
///
/// Strides count elements. Copying a view copies no numbers. As with std::span, const protects the
/// view and not the elements: a read-only view is a matrix_view<const T>. A view without elements
/// has zero strides, whatever strides it was made with.
template <class T, class Space = cpu_space>
class matrix_view {
 public:
  using value_type = std::remove_const_t<T>;
  using space = Space;

  matrix_view() = default;

  /// Makes a view whose element (i, j) is data[i * row_stride + j * col_stride]. Strides may be
  /// zero or negative.
  /// @throws shape_error if memory cannot hold that many elements, or an extent was negative before
  ///         it became a std::size_t
  constexpr matrix_view(T* data, std::size_t rows, std::size_t cols, std::ptrdiff_t row_stride,
                        std::ptrdiff_t col_stride)
      : data_(data), rows_(rows), cols_(cols) {
#if !defined(__CUDA_ARCH__)
    detail::check_shape("matrix_view", rows, cols);
#endif
    // The pointer of an empty view is often null, and no offset may be added to it.
    if (rows == 0 || cols == 0) return;
    row_stride_ = row_stride;
    col_stride_ = col_stride;
  }

  /// Makes a row-major view without gaps.
  /// @throws shape_error as above
  constexpr matrix_view(T* data, std::size_t rows, std::size_t cols)
      : matrix_view(data, rows, cols, static_cast<std::ptrdiff_t>(cols), 1) {}

  /// Makes a row-major view without gaps, of exactly rows * cols elements.
  /// @throws shape_error if the span has another size
  constexpr matrix_view(std::span<T> elements, std::size_t rows, std::size_t cols)
      : matrix_view(elements.data(), rows, cols) {
    const bool fits = cols == 0 ? elements.empty()
                                : elements.size() % cols == 0 && elements.size() / cols == rows;
    if (!fits)
      detail::raise<shape_error>("matrix_view: ", elements.size(), " elements do not make ", rows,
                                 " rows of ", cols);
  }

  /// Converts a view that can write to one that only reads.
  template <class U>
    requires(std::is_const_v<T> && std::is_same_v<U, value_type>)
  constexpr matrix_view(matrix_view<U, Space> other) noexcept
      : matrix_view(other.data(), other.rows(), other.cols(), other.row_stride(),
                    other.col_stride()) {}

  constexpr T* data() const noexcept { return data_; }
  constexpr std::size_t rows() const noexcept { return rows_; }
  constexpr std::size_t cols() const noexcept { return cols_; }
  constexpr std::size_t size() const noexcept { return rows_ * cols_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size() == 0; }
  constexpr std::ptrdiff_t row_stride() const noexcept { return row_stride_; }
  constexpr std::ptrdiff_t col_stride() const noexcept { return col_stride_; }

  /// Element (i, j). Requires i < rows() and j < cols().
  constexpr T& operator()(std::size_t i, std::size_t j) const noexcept {
    TAMP_EXPECTS(i < rows_ && j < cols_, "matrix_view: element (", i, ", ", j, ") of a matrix of ",
                 rows_, " x ", cols_);
    return data_[static_cast<std::ptrdiff_t>(i) * row_stride_ +
                 static_cast<std::ptrdiff_t>(j) * col_stride_];
  }

  /// Returns true if each row is contiguous.
  constexpr bool contiguous_rows() const noexcept {
    return col_stride_ == 1 || cols_ <= 1 || rows_ == 0;
  }
  /// Returns true if each column is contiguous.
  constexpr bool contiguous_cols() const noexcept {
    return row_stride_ == 1 || rows_ <= 1 || cols_ == 0;
  }

  /// Returns row i as a span. Requires i < rows() and contiguous_rows().
  constexpr std::span<T> row(std::size_t i) const noexcept {
    TAMP_EXPECTS(i < rows_, "matrix_view: row ", i, " of a matrix of ", rows_, " x ", cols_);
    TAMP_EXPECTS(contiguous_rows(), "matrix_view: the elements of a row are ", col_stride_,
                 " apart, and the row does not lie in one piece");
    return {data_ + static_cast<std::ptrdiff_t>(i) * row_stride_, cols_};
  }

  /// Returns a view of the same elements with rows and columns exchanged.
  [[nodiscard]] constexpr matrix_view transposed() const noexcept {
    return {data_, cols_, rows_, col_stride_, row_stride_};
  }

 private:
  T* data_ = nullptr;
  std::size_t rows_ = 0, cols_ = 0;
  std::ptrdiff_t row_stride_ = 0, col_stride_ = 0;
};

namespace detail {

/// Returns true if the address space holds elements of `size` bytes at these strides. No extent may
/// be zero.
constexpr bool fits_memory(std::size_t size, std::span<const std::size_t> extents,
                           std::span<const std::ptrdiff_t> strides) {
  const std::size_t most = most_elements / size;
  std::size_t length = 0;
  for (std::size_t axis = 0; axis < extents.size() && length <= most; ++axis) {
    const auto step = static_cast<std::size_t>(strides[axis]);
    const std::size_t apart = strides[axis] < 0 ? std::size_t{0} - step : step;
    const std::size_t steps = extents[axis] - 1;
    if (!product_fits(steps, apart)) return false;
    length += (std::min)(most + 1, steps * apart);
  }
  return length <= most;
}

/// Refuses elements of `size` bytes that the CPU cannot read.
/// @throws shape_error if there are elements but no memory, or the strides lead out of the address
///         space
constexpr void check_memory(std::string_view who, const void* data, std::size_t size,
                            std::size_t rows, std::size_t cols, std::ptrdiff_t row_stride,
                            std::ptrdiff_t col_stride) {
  if (rows == 0 || cols == 0) return;
  if (data == nullptr)
    raise<shape_error>(who, ": ", rows, " x ", cols, " elements lie at a null pointer");
  const std::size_t extents[] = {rows, cols};
  const std::ptrdiff_t strides[] = {row_stride, col_stride};
  if (!fits_memory(size, extents, strides))
    raise<shape_error>(who, ": ", rows, " x ", cols, " elements with strides of ", row_stride,
                       " and ", col_stride, " do not fit into memory");
}

/// Refuses a view that the CPU cannot read.
/// @throws shape_error as above
template <class T, class Space>
constexpr void check_memory(std::string_view who, const matrix_view<T, Space>& m) {
  check_memory(who, m.data(), sizeof(T), m.rows(), m.cols(), m.row_stride(), m.col_stride());
}

constexpr std::ptrdiff_t leading_stride(std::string_view who, std::size_t leading) {
  return static_cast<std::ptrdiff_t>(
      checked_extent(who, "elements from one start to the next", leading));
}

}  // namespace detail

/// Returns a row-major view whose rows start `leading` elements apart.
/// @throws shape_error if memory cannot hold that many elements. So do the functions below.
template <class T>
[[nodiscard]] constexpr matrix_view<T> row_major(T* data, std::size_t rows, std::size_t cols,
                                                 std::size_t leading) {
  return {data, rows, cols, detail::leading_stride("row_major", leading), 1};
}
template <class T>
[[nodiscard]] constexpr matrix_view<T> row_major(T* data, std::size_t rows, std::size_t cols) {
  return {data, rows, cols};
}

/// Returns a column-major view whose columns start `leading` elements apart.
template <class T>
[[nodiscard]] constexpr matrix_view<T> column_major(T* data, std::size_t rows, std::size_t cols,
                                                    std::size_t leading) {
  return {data, rows, cols, 1, detail::leading_stride("column_major", leading)};
}
template <class T>
[[nodiscard]] constexpr matrix_view<T> column_major(T* data, std::size_t rows, std::size_t cols) {
  return column_major(data, rows, cols, rows);
}

}  // namespace tamp::inline TAMP_FLAGS
