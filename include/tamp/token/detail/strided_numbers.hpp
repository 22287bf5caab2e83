#pragma once

/// @file
/// Numbers of any type, at strides along three axes, that are read as floats.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "../../detail/checked.hpp"
#include "../../dtype.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../simd/conversion.hpp"
#include "../../tensor/any_view.hpp"
#include "../../tensor/traits.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A type of number, as a value at run time.
struct number_type {
  std::string_view name;  ///< for errors
  std::size_t size;       ///< in bytes
  bool is_float;
  /// Writes number (i, j), which lies i * row_stride + j * col_stride numbers behind `first`, to
  /// to[i * pitch + j].
  void (*load)(const void* first, std::ptrdiff_t row_stride, std::ptrdiff_t col_stride,
               std::size_t rows, std::size_t cols, float* to, std::size_t pitch);
};

/// The function `load` of a number_type. A double is rounded to float.
template <element T>
void load_as_floats(const void* first, std::ptrdiff_t row_stride, std::ptrdiff_t col_stride,
                    std::size_t rows, std::size_t cols, float* to, std::size_t pitch) {
  const T* const numbers = static_cast<const T*>(first);
  const auto load_each = [&](std::size_t i, std::size_t j) {
    to[i * pitch + j] = static_cast<float>(
        element_traits<T>::load(numbers[static_cast<std::ptrdiff_t>(i) * row_stride +
                                        static_cast<std::ptrdiff_t>(j) * col_stride]));
  };
  if constexpr (std::is_same_v<compute_type<T>, float>) {
    if constexpr (std::is_same_v<T, float>) {
      if (col_stride == 1) {
        for (std::size_t i = 0; i < rows; ++i)
          std::copy_n(numbers + static_cast<std::ptrdiff_t>(i) * row_stride, cols, to + i * pitch);
        return;
      }
    } else if (col_stride == 1) {
      return with_conversion([&](auto loops) {
        for (std::size_t i = 0; i < rows; ++i)
          loops.convert_row(numbers + static_cast<std::ptrdiff_t>(i) * row_stride, cols,
                            to + i * pitch);
      });
    }
    if (row_stride == 1 && rows > 1)
      return with_conversion(
          [&](auto loops) { loops.rows_of_columns(numbers, col_stride, rows, cols, to, pitch); });
  }
  if (rows == 1) {
    for (std::size_t j = 0; j < cols; ++j) load_each(0, j);
    return;
  }
  for (std::size_t j = 0; j < cols; ++j)
    for (std::size_t i = 0; i < rows; ++i) load_each(i, j);
}

template <element T>
inline constexpr number_type number_type_of{
    dtype_or_unknown<typename twin_of<T>::type> == dtype::unknown
        ? std::string_view("of a type of the host")
        : entry(dtype_or_unknown<typename twin_of<T>::type>).name,
    sizeof(T), std::is_same_v<T, float>, &load_as_floats<T>};

/// Returns the number_type of a dtype.
/// @throws value_error if its numbers cannot be read
inline const number_type& number_type_for(std::string_view who, dtype type) {
  return with_element_type(
      type,
      [](auto number) -> const number_type& {
        return number_type_of<typename decltype(number)::type>;
      },
      who, ": the numbers");
}

using three_extents = std::array<std::size_t, 3>;
using three_strides = std::array<std::ptrdiff_t, 3>;

/// Returns extents for errors. A first extent of 1 is left out.
inline std::string name_of_shape(const three_extents& extents) {
  return extents[0] == 1 ? sentence(extents[1], " x ", extents[2])
                         : sentence(extents[0], " x ", extents[1], " x ", extents[2]);
}

/// Returns the number of elements of three extents.
/// @throws shape_error if memory cannot hold them, or an extent was negative before it became a
///         std::size_t
inline std::size_t checked_size(std::string_view who, const three_extents& extents) {
  std::size_t size = 1;
  for (const std::size_t extent : extents) {
    if (extent > most_elements)
      raise<shape_error>(who, ": a shape of ", name_of_shape(extents),
                         " is too large; was one of the numbers negative?");
    if (extent == 0) size = 0;
  }
  for (const std::size_t extent : extents) {
    if (size != 0 && extent > most_elements / size)
      raise<shape_error>(who, ": ", name_of_shape(extents),
                         " elements are more than memory can hold");
    size *= extent;
  }
  return size;
}

/// Refuses strides, of numbers of `size` bytes, that lead out of memory. No extent may be zero.
/// @throws shape_error
inline void check_strides(std::string_view who, const three_extents& extents,
                          const three_strides& strides, std::size_t size) {
  if (!fits_memory(size, extents, strides))
    raise<shape_error>(
        who, ": ", name_of_shape(extents), " elements with strides of ",
        extents[0] == 1 ? sentence(strides[1]) : sentence(strides[0], ", ", strides[1]), " and ",
        strides[2], " do not fit into memory");
}

/// Numbers (i, j, k) of a host. A line is the numbers of one i and j. Strides count numbers, and may
/// be zero or negative. Nothing is read before check_memory() is called.
class strided_numbers {
 public:
  strided_numbers() = default;
  /// @throws shape_error if memory cannot hold that many numbers, or an extent was negative before
  ///         it became a std::size_t
  strided_numbers(std::string_view who, const void* data, const number_type& type,
                  const three_extents& extents, const three_strides& strides)
      : data_(data), type_(&type), extents_(extents) {
    if (checked_size(who, extents) != 0) strides_ = strides;
  }

  const number_type& type() const noexcept { return *type_; }
  const void* data() const noexcept { return data_; }
  std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
  std::ptrdiff_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
  std::size_t size() const noexcept { return extents_[0] * extents_[1] * extents_[2]; }

  /// True if each line is floats that lie in one piece.
  bool has_lines_in_place() const noexcept {
    return type_->is_float && (strides_[2] == 1 || extents_[2] <= 1 || size() == 0);
  }
  /// Returns line (i, j). Requires has_lines_in_place().
  const float* line(std::size_t i, std::size_t j) const noexcept {
    return static_cast<const float*>(at(i, j, 0));
  }
  float number(std::size_t i, std::size_t j, std::size_t k) const {
    float value = 0;
    type_->load(at(i, j, k), 0, 1, 1, 1, &value, 1);
    return value;
  }
  /// Writes lines (i, first) ... (i, first + count - 1) to `to`. They begin `pitch` floats apart.
  void load(std::size_t i, std::size_t first, std::size_t count, float* to,
            std::size_t pitch) const {
    if (size() != 0)
      type_->load(at(i, first, 0), strides_[1], strides_[2], count, extents_[2], to, pitch);
  }

  /// Refuses numbers that the CPU cannot read.
  /// @throws shape_error if they lie at a null pointer, or the strides lead out of memory
  void check_memory(std::string_view who) const {
    if (size() == 0) return;
    if (data_ == nullptr)
      raise<shape_error>(who, ": ", name_of_shape(extents_), " elements lie at a null pointer");
    check_strides(who, extents_, strides_, type_->size);
  }

 private:
  const void* at(std::size_t i, std::size_t j, std::size_t k) const noexcept {
    const std::ptrdiff_t numbers = static_cast<std::ptrdiff_t>(i) * strides_[0] +
                                   static_cast<std::ptrdiff_t>(j) * strides_[1] +
                                   static_cast<std::ptrdiff_t>(k) * strides_[2];
    return static_cast<const std::byte*>(data_) +
           numbers * static_cast<std::ptrdiff_t>(type_->size);
  }

  const void* data_ = nullptr;
  const number_type* type_ = &number_type_of<float>;
  three_extents extents_{};
  three_strides strides_{};
};

template <class T, class Space>
strided_numbers numbers_of_view(std::string_view who, const matrix_view<T, Space>& m) {
  static_assert(
      std::is_same_v<Space, cpu_space>,
      "this tensor lives on a device, and token policies read numbers of the CPU: copy it "
      "there first (on a GPU there is tamp::cuda::token_context)");
  static_assert(element<T>,
                "tamp does not know this type of number: specialise tamp::element_traits for it");
  if constexpr (std::is_same_v<Space, cpu_space> && element<T>)
    return {who,
            m.data(),
            number_type_of<std::remove_const_t<T>>,
            {1, m.rows(), m.cols()},
            {0, m.row_stride(), m.col_stride()}};
}

/// Returns the numbers of a tensor with strides, (1, rows, cols).
/// @throws value_error if it is known only at run time, and has no strides, is of a type that tamp
///         does not read, or lies on a device
template <tensor_argument Tensor>
strided_numbers numbers_of(std::string_view who, Tensor&& tensor) {
  static_assert(!row_tensor<Tensor>,
                "token policies read tensors with strides, and this one shows rows alone: convert "
                "its rows to numbers first");
  if constexpr (viewable<Tensor>) {
    return numbers_of_view(who, tamp::view(tensor));
  } else if constexpr (any_tensor<Tensor>) {
    return tensor_traits<std::remove_cvref_t<Tensor>>::visit(
        tensor, [&](auto&& shown) -> strided_numbers {
          if constexpr (viewable<decltype(shown)>)
            return numbers_of_view(who, tamp::view(shown));
          else
            raise<value_error>(who, ": this tensor of ", static_cast<std::size_t>(shown.rows()),
                               " x ", static_cast<std::size_t>(shown.cols()),
                               " has no strides: convert its rows to numbers first");
        });
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
