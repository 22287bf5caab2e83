#pragma once

/// @file
/// A view of a host's rows of numbers, one for each token, of any type and strides.

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../dtype.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/traits.hpp"
#include "detail/strided_numbers.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// One row of numbers for each token, such as its hidden state or its keys, in a host's memory.
///
/// The numbers are of any type that tamp reads, and at any strides, known at compile time or at run
/// time. They are read as floats: a double is rounded. Rows of floats in one piece are read in
/// place, and all others are converted row by row. Copying a view copies no numbers, and they must
/// outlive it. A view is made of
///
/// - a strided tensor or an any_tensor, (tokens, features), for example a matrix_view, an any_view,
///   or a matrix of Eigen;
/// - a pointer, (heads, tokens, length) and three strides: a cache that is read as
///   (tokens, heads * length), so that feature h * length + j is number j of head h.
///
///     context.keys = {cache, dtype::f16, {heads, tokens, length}, {head_stride, length, 1}};
class rows_view {
 public:
  rows_view() = default;

  /// Views a tensor, (tokens, features).
  /// @throws value_error if the tensor is known only at run time, and has no strides, is of a type
  ///         that tamp does not read, or lies on a device
  template <tensor_argument Tensor>
    requires(!std::same_as<std::remove_cvref_t<Tensor>, rows_view>)
  rows_view(Tensor&& tensor) : numbers_(detail::numbers_of("rows_view", tensor)) {
    static_assert(!owning_temporary<Tensor>,
                  "this tensor is a temporary, and its numbers are gone with it: give it a name");
  }

  /// Views numbers (heads, tokens, length). Strides count numbers, and may be zero or negative.
  /// @throws shape_error if memory cannot hold that many numbers, or an extent was negative before
  ///         it became a std::size_t
  /// @throws value_error if tamp does not read the type
  rows_view(const void* data, dtype type, const std::array<std::size_t, 3>& extents,
            const std::array<std::ptrdiff_t, 3>& strides)
      : rows_view(data, detail::number_type_for("rows_view", type), extents, strides) {}
  /// Views numbers of a type of one's own.
  /// @throws shape_error as above
  template <element T>
  rows_view(const T* data, const std::array<std::size_t, 3>& extents,
            const std::array<std::ptrdiff_t, 3>& strides)
      : rows_view(data, detail::number_type_of<std::remove_const_t<T>>, extents, strides) {}

  std::size_t rows() const noexcept { return numbers_.extent(1); }
  std::size_t cols() const noexcept { return numbers_.extent(0) * numbers_.extent(2); }
  bool empty() const noexcept { return numbers_.size() == 0; }

  /// True if each row is floats that lie in one piece.
  bool in_place() const noexcept {
    return numbers_.has_lines_in_place() && (numbers_.extent(0) == 1 || empty());
  }
  /// Returns number j of token i. It is slower than a row. Requires i < rows() and j < cols().
  float operator()(std::size_t i, std::size_t j) const {
    TAMP_EXPECTS(i < rows() && j < cols(), "rows_view: number (", i, ", ", j, ") of ", rows(),
                 " x ", cols());
    const std::size_t length = numbers_.extent(2);
    return numbers_.number(j / length, i, j % length);
  }
  /// Returns the row of token i, in place. Requires i < rows().
  /// @throws value_error if in_place() is false
  std::span<const float> row(std::size_t i) const {
    expect_row(i);
    if (!in_place())
      detail::raise<value_error>("rows_view: rows that are not floats in one piece (these are ",
                                 numbers_.type().name, ") are read by row(token, buffer)");
    return {numbers_.line(0, i), cols()};
  }
  /// Returns the row of token i, in place, or converted into `buffer`, which grows to a row. The row
  /// is valid until the buffer changes. Requires i < rows().
  std::span<const float> row(std::size_t i, std::vector<float>& buffer) const {
    expect_row(i);
    if (in_place()) return {numbers_.line(0, i), cols()};
    if (buffer.size() < cols()) buffer = detail::checked_array<float>("rows_view", cols());
    load(i, 1, buffer.data(), cols());
    return std::span<const float>(buffer).first(cols());
  }

  /// Writes the rows of tokens [first, first + count) to `to`. They begin `pitch` floats apart.
  void load(std::size_t first, std::size_t count, float* to, std::size_t pitch) const {
    for (std::size_t head = 0; head < numbers_.extent(0); ++head)
      numbers_.load(head, first, count, to + head * numbers_.extent(2), pitch);
  }
  /// True if the numbers of a row are side by side, in one piece or one for each head, so that a
  /// row is best read by itself.
  bool has_contiguous_rows() const noexcept {
    return numbers_.stride(2) == 1 || numbers_.extent(2) <= 1;
  }

  /// Refuses numbers that the CPU cannot read.
  /// @throws shape_error if they lie at a null pointer, or the strides lead out of memory
  void check_memory(std::string_view who) const { numbers_.check_memory(who); }

 private:
  rows_view(const void* data, const detail::number_type& type,
            const std::array<std::size_t, 3>& extents, const std::array<std::ptrdiff_t, 3>& strides)
      : numbers_("rows_view", data, type, extents, strides) {
    const auto& [heads, tokens, length] = extents;
    detail::checked_product("rows_view", heads, length);
    const auto pitch = static_cast<std::ptrdiff_t>(length);
    if (empty() || heads == 1) return;
    if (strides[2] == 1 && strides[0] == pitch)  // the heads of a token lie side by side
      numbers_ = {"rows_view", data, type, {1, tokens, heads * length}, {0, strides[1], 1}};
    else if (length == 1)
      numbers_ = {"rows_view", data, type, {1, tokens, heads}, {0, strides[1], strides[0]}};
  }

  void expect_row([[maybe_unused]] std::size_t i) const {
    TAMP_EXPECTS(i < rows(), "rows_view: row ", i, " of ", rows());
  }

  detail::strided_numbers numbers_;
};

}  // namespace tamp::inline TAMP_FLAGS::token
