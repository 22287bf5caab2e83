#pragma once

/// @file
/// A read-only view of a sparse weight, wherever its arrays lie: in a sparse::matrix, in a mapped
/// file or in a host's memory.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "../detail/checked.hpp"
#include "../detail/mask_word.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../simd/sparse_rows.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The types of number that a sparse weight can store: float, f16 and bf16, types of a host that
/// have the same bits as one of them (element_like), and std::int8_t, whose weights are multiples
/// of a scale.
template <class T>
concept storable = std::same_as<T, float> || std::same_as<T, std::int8_t> ||
                   tamp::detail::has_bits_of<T, f16> || tamp::detail::has_bits_of<T, bf16>;

/// The number of columns that share a scale, in weights of std::int8_t. The last block of a row may
/// have fewer.
inline constexpr std::size_t scaled_columns = tamp::detail::scaled_columns;

/// Returns the number of scales of a row.
constexpr std::size_t scales_of_row(std::size_t cols) noexcept {
  return cols / scaled_columns + (cols % scaled_columns != 0);
}

/// The arrays of a sparse weight of (rows, cols), row by row.
template <storable T>
struct arrays {
  /// One bit for each weight, 1 where it is kept: bit j % 8 of byte j / 8 of a row. Rows begin
  /// `bits_pitch` bytes apart, at least ceil(cols / 8). Bits past the last column are ignored.
  std::span<const std::byte> bits;
  std::size_t bits_pitch = 0;
  /// The kept weights of all rows, in order.
  std::span<const T> values;
  /// For each row, the number of kept weights in the rows before.
  std::span<const std::int64_t> row_offsets;
  /// For std::int8_t, scales_of_row(cols) for each row; otherwise empty.
  std::span<const f16> scales{};
};

/// A sparse weight whose arrays belong to somebody else. Copying a view copies no numbers.
///
/// A view is a row_tensor: all of tamp can read it. A weight that is dropped reads as 0; a weight
/// of std::int8_t reads as value * scale, which is exact in float.
template <storable T>
class view {
 public:
  using value_type = T;

  view() = default;

  /// Makes a view of arrays from outside, after checking each against the others, in time
  /// proportional to the bits.
  /// @throws shape_error if a size does not fit the shape, if row_offsets are not the sums of the
  ///         bits, or if an array has entries but no memory
  view(std::size_t rows, std::size_t cols, const arrays<T>& parts)
      : view(is_checked{}, rows, cols, parts, parts.values.size()) {
    check_arrays<shape_error>("sparse::view");
  }

  /// The same for arrays of which a sentence can say more: errors are of type Error and begin with
  /// `who`.
  template <class Error>
  static view of(std::string_view who, std::size_t rows, std::size_t cols, const arrays<T>& parts) {
    const view made(is_checked{}, rows, cols, parts, parts.values.size());
    made.template check_arrays<Error>(who);
    return made;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  std::size_t size() const noexcept { return rows_ * cols_; }

  /// Returns the number of kept weights, in all or in row i. Requires i < rows().
  std::size_t kept() const noexcept { return parts_.values.size(); }
  std::size_t kept(std::size_t i) const noexcept { return values(i).size(); }

  /// Returns the fraction of dropped weights; 0 for a weight without elements.
  double sparsity() const noexcept {
    return size() == 0 ? 0.0 : static_cast<double>(size() - kept()) / static_cast<double>(size());
  }

  /// Returns the number of bytes of all arrays, and of bits for each weight; 0 for a weight without
  /// elements.
  std::size_t bytes() const noexcept {
    return rows_ * bits_of_row() + parts_.values.size_bytes() + parts_.row_offsets.size_bytes() +
           parts_.scales.size_bytes();
  }
  double bits_per_weight() const noexcept {
    return size() == 0 ? 0.0 : 8.0 * static_cast<double>(bytes()) / static_cast<double>(size());
  }

  /// The bits, kept weights and scales of row i. Requires i < rows(), as the function below does.
  std::span<const std::byte> bits(std::size_t i) const noexcept {
    expect_row(i);
    return parts_.bits.subspan(i * parts_.bits_pitch, bits_of_row());
  }
  std::span<const T> values(std::size_t i) const noexcept {
    expect_row(i);
    const std::size_t begin = offset(i), end = i + 1 < rows_ ? offset(i + 1) : kept();
    return parts_.values.subspan(begin, end - begin);
  }
  std::span<const f16> scales(std::size_t i) const noexcept {
    expect_row(i);
    const std::size_t count = parts_.scales.empty() ? 0 : scales_of_row(cols_);
    return parts_.scales.subspan(i * count, count);
  }

  /// The kept weights of all rows, the number of those in the rows before each row, and the scales
  /// of all rows.
  std::span<const T> values() const noexcept { return parts_.values; }
  std::span<const std::int64_t> row_offsets() const noexcept { return parts_.row_offsets; }
  std::span<const f16> scales() const noexcept { return parts_.scales; }

  /// Returns 64 columns of the mask of row i, from column 64 k on. Bits past the last column are 0.
  mask::word word(std::size_t i, std::size_t k) const noexcept {
    const std::size_t first = k * mask::word_bits;
    TAMP_EXPECTS(first < cols_, "sparse::view: word ", k, " of a row of ", cols_, " columns");
    const std::size_t columns = (std::min)(mask::word_bits, cols_ - first);
    mask::word bits = 0;
    std::memcpy(&bits, this->bits(i).data() + first / 8, (columns + 7) / 8);
    return bits & ~mask::word{0} >> (mask::word_bits - columns);
  }

  /// Calls use(column, place) for the kept weights of row i, from left to right. `place` is that of
  /// the weight among values(i).
  template <class Use>
  void for_each_kept(std::size_t i, const Use& use) const {
    std::size_t place = 0;
    for (std::size_t k = 0; k * mask::word_bits < cols_; ++k)
      for (mask::word left = word(i, k); left != 0; left &= left - 1)
        use(k * mask::word_bits + static_cast<std::size_t>(std::countr_zero(left)), place++);
  }

  /// Writes row i as floats. `out` has cols() entries.
  void read_row(std::size_t i, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0f);
    const auto from = values(i);
    if constexpr (std::same_as<T, std::int8_t>) {
      const auto scale = scales(i);
      for_each_kept(i, [&](std::size_t j, std::size_t place) {
        out[j] = static_cast<float>(from[place]) * static_cast<float>(scale[j / scaled_columns]);
      });
    } else {
      for_each_kept(i, [&](std::size_t j, std::size_t place) {
        out[j] = element_traits<T>::load(from[place]);
      });
    }
  }

  /// Returns true for the same shape, the same bits, and the same values and scales, bit by bit.
  friend bool operator==(const view& a, const view& b) noexcept {
    if (a.rows_ != b.rows_ || a.cols_ != b.cols_ || a.kept() != b.kept()) return false;
    for (std::size_t i = 0; i < a.rows_; ++i)
      for (std::size_t k = 0; k * mask::word_bits < a.cols_; ++k)
        if (a.word(i, k) != b.word(i, k)) return false;
    const auto same = [](const auto& x, const auto& y) {
      return x.size() == y.size() &&
             (x.empty() || std::memcmp(x.data(), y.data(), x.size_bytes()) == 0);
    };
    return same(a.parts_.values, b.parts_.values) && same(a.parts_.scales, b.parts_.scales);
  }

 private:
  template <storable>
  friend class matrix;
  template <storable>
  friend class kept_rows;

  struct is_checked {};
  // A view of arrays that are known to fit, with `readable` numbers of which kept weights are the
  // first.
  view(is_checked, std::size_t rows, std::size_t cols, const arrays<T>& parts, std::size_t readable)
      : rows_(rows), cols_(cols), parts_(parts), readable_(readable) {
    if (cols == 0) parts_.bits_pitch = 0;  // no row has bits that it could lead to
  }

  std::size_t bits_of_row() const noexcept { return cols_ / 8 + (cols_ % 8 != 0); }
  std::size_t offset(std::size_t i) const noexcept {
    return static_cast<std::size_t>(parts_.row_offsets[i]);
  }
  void expect_row([[maybe_unused]] std::size_t i) const noexcept {
    TAMP_EXPECTS(i < rows_, "sparse::view: row ", i, " of a weight of ", rows_, " x ", cols_);
  }

  template <class Error>
  void check_arrays(std::string_view who) const {
    using tamp::detail::raise;
    tamp::detail::check_shape(who, rows_, cols_);
    const auto require_count = [&](std::string_view what, std::size_t found, std::size_t needed) {
      if (found != needed)
        raise<Error>(who, ": ", found, ' ', what, " for a weight of ", rows_, " x ", cols_,
                     ", which has ", needed);
    };
    tamp::detail::check_list(who, "bytes of the mask", parts_.bits);
    tamp::detail::check_list(who, "kept weights", parts_.values);
    tamp::detail::check_list(who, "row offsets", parts_.row_offsets);
    tamp::detail::check_list(who, "scales", parts_.scales);
    require_count("row offsets", parts_.row_offsets.size(), rows_);
    require_count("scales", parts_.scales.size(),
                  std::same_as<T, std::int8_t> ? rows_ * scales_of_row(cols_) : 0);
    if (rows_ != 0 && cols_ != 0) {
      const std::size_t last = tamp::detail::checked_product(who, rows_ - 1, parts_.bits_pitch);
      if (parts_.bits_pitch < bits_of_row() || parts_.bits.size() < bits_of_row() ||
          parts_.bits.size() - bits_of_row() < last)
        raise<Error>(who, ": ", parts_.bits.size(), " bytes of a mask, with rows ",
                     parts_.bits_pitch, " apart, for a weight of ", rows_, " x ", cols_);
    }
    std::size_t before = 0;
    for (std::size_t i = 0; i < rows_; ++i) {
      if (parts_.row_offsets[i] < 0 || offset(i) != before)
        raise<Error>(who, ": row ", i, " begins at kept weight ", parts_.row_offsets[i],
                     ", but the rows before it keep ", before);
      for (std::size_t k = 0; k * mask::word_bits < cols_; ++k)
        before += static_cast<std::size_t>(std::popcount(word(i, k)));
    }
    require_count("kept weights", kept(), before);
  }

  std::size_t rows_ = 0, cols_ = 0;
  arrays<T> parts_;
  std::size_t readable_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::sparse
