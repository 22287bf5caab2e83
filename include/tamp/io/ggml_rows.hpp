#pragma once

/// @file
/// Rows of ggml's blocks in a buffer, read as float and pruned in place.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "ggml_types.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// A tensor of ggml's blocks as a row_tensor: rows are converted to float as they are read. Refers
/// to the bytes, which must outlive it. Those of std::byte can be pruned in place, those of const
/// std::byte only read.
///
/// To drop weights, their codes become the code of zero; the codes of kept weights and all scales
/// keep their bits. Q4_1, Q5_1, Q2_K, Q4_K, Q5_K, IQ4_NL and IQ4_XS have no such code. A zero of a
/// block with a negative scale is -0.
template <class Byte>
  requires std::same_as<std::remove_const_t<Byte>, std::byte>
class ggml_rows {
 public:
  /// `type` is ggml's number of the type, `name` what errors call the tensor. A row is cols
  /// weights; the rows of a tensor of more dimensions are counted all together.
  /// @throws value_error if tamp does not read the type
  /// @throws shape_error if rows are no whole blocks, or `bytes` has another size than they
  ggml_rows(std::uint32_t type, std::span<Byte> bytes, std::size_t rows, std::size_t cols,
            std::string name)
      : name_(std::move(name)),
        type_(ggml::find_type(type)),
        bytes_(bytes),
        rows_(rows),
        cols_(cols) {
    if (type_ == nullptr || type_->decode_row == nullptr)
      tamp::detail::raise<value_error>(name_, " is of type ",
                                       type_ == nullptr ? "unknown" : type_->name, " (", type,
                                       "), which tamp does not read");
    tamp::detail::check_shape(name_, rows, cols);
    const bool is_empty = rows == 0 || cols == 0;
    if (!is_empty && cols % type_->values != 0)
      tamp::detail::raise<shape_error>(name_, " has rows of ", cols,
                                       " values, which is no multiple of the ", type_->values,
                                       " in a block of ", type_->name);
    std::size_t size = 0;
    if (!is_empty) {
      row_bytes_ = tamp::detail::checked_product(name_, cols / type_->values, type_->bytes);
      size = tamp::detail::checked_product(name_, rows, row_bytes_);
    }
    if (bytes.size() != size)
      tamp::detail::raise<shape_error>(name_, " has ", bytes.size(), " bytes, but ", rows,
                                       " rows of ", cols, " values of ", type_->name, " have ",
                                       size);
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  const ggml::type_info& type() const noexcept { return *type_; }
  /// True if the type has a code for zero.
  bool has_zero() const noexcept { return type_->zero_row != nullptr; }

  /// Writes row i, as float, into `out`.
  /// @throws shape_error if there is no row i or `out` has not cols() entries
  void read_row(std::size_t i, std::span<float> out) const {
    if (i >= rows_ || out.size() != cols_)
      tamp::detail::raise<shape_error>(name_, " has ", rows_, " rows of ", cols_, ": row ", i,
                                       " of ", out.size(), " cannot be read");
    type_->decode_row(bytes_.data() + i * row_bytes_, out);
  }

  /// Encodes row i. A weight of zero stays one.
  /// @throws value_error if tamp does not write the type, or if a number is not finite or too large
  ///         for it; nothing is written then
  /// @throws shape_error if there is no row i or `numbers` has not cols() entries
  void encode_row(std::size_t i, std::span<const float> numbers)
    requires(!std::is_const_v<Byte>)
  {
    if (type_->encode_row == nullptr)
      tamp::detail::raise<value_error>(name_, " is of type ", type_->name,
                                       ", which tamp does not write");
    if (i >= rows_ || numbers.size() != cols_)
      tamp::detail::raise<shape_error>(name_, " has ", rows_, " rows of ", cols_, ": row ", i,
                                       " of ", numbers.size(), " cannot be written");
    for (std::size_t j = 0; j < numbers.size(); ++j)
      if (!is_finite(numbers[j]) || std::fabs(numbers[j]) > type_->largest)
        tamp::detail::raise<value_error>(name_, ": the number in row ", i, ", column ", j, " is ",
                                         numbers[j], ", and the largest of ", type_->name, " is ",
                                         type_->largest);
    type_->encode_row(numbers, bytes_.data() + i * row_bytes_);
  }

  /// Makes weight (i, j) zero where bit j % 64 of keep[j / 64] is 0. Bits past the last weight are
  /// ignored. In a block whose scale is not finite, neither are weights that are dropped.
  /// @throws value_error if the type has no code for zero
  /// @throws shape_error if there is no row i or `keep` has not ceil(cols() / 64) words
  void zero(std::size_t i, std::span<const std::uint64_t> keep)
    requires(!std::is_const_v<Byte>)
  {
    if (!has_zero())
      tamp::detail::raise<value_error>(name_, ": ", type_->name,
                                       " has no code for zero; convert the file to Q8_0 or F16 "
                                       "first");
    const std::size_t words = cols_ / 64 + (cols_ % 64 != 0 ? 1 : 0);
    if (i >= rows_ || keep.size() != words)
      tamp::detail::raise<shape_error>(name_, " has ", rows_, " rows of ", cols_, ": row ", i,
                                       " cannot be pruned with ", keep.size(), " words of a mask");
    type_->zero_row(bytes_.data() + i * row_bytes_, cols_, keep.data());
  }

 private:
  std::string name_;
  const ggml::type_info* type_;
  std::span<Byte> bytes_;
  std::size_t rows_, cols_, row_bytes_ = 0;
};

template <class Byte, std::size_t Extent>
ggml_rows(std::uint32_t, std::span<Byte, Extent>, std::size_t, std::size_t, std::string)
    -> ggml_rows<Byte>;

}  // namespace tamp::inline TAMP_FLAGS::io
