#pragma once

/// @file
/// Replacement of dropped elements by zeros, at the memory's speed.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../element.hpp"
#include "../error.hpp"
#include "../simd/mask_words.hpp"
#include "bitmask.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The unsigned integer type of a number of bytes, or void.
template <std::size_t Bytes>
using bits_of_size = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t,
                                          std::conditional_t<Bytes == 8, std::uint64_t, void>>>>;

/// Returns the element that represents 0.
template <class T>
constexpr T zero_of() {
  if constexpr (element<T>)
    return element_traits<T>::store(compute_type<T>{0});
  else
    return T{};
}

/// Does the work of tamp::zero_dropped. `keep` must have enough words.
template <class T>
void write_zeros(std::span<T> elements, std::span<const mask::word> keep, const T& zero) {
  using bits = bits_of_size<sizeof(T)>;
  if constexpr (std::is_trivially_copyable_v<T> && !std::is_void_v<bits>) {
    with_mask_words([&](auto loops) {
      loops.replace_dropped(std::as_writable_bytes(elements).data(), elements.size(), keep.data(),
                            std::bit_cast<bits>(zero));
    });
  } else {
    for (std::size_t j = 0; j < elements.size(); ++j)
      if ((keep[j / mask::word_bits] >> (j % mask::word_bits) & 1u) == 0) elements[j] = zero;
  }
}

}  // namespace detail

/// Replaces the contiguous elements whose bit is 0 by zero. The others stay as they are, to the
/// bit.
///
///     elements[j] = zero where bit j % 64 of keep[j / 64] is 0
///
/// A host calls it from its `zero(i, keep)`, for a row of its own storage (see
/// zeroable_row_tensor). It processes 64 elements at a time, as fast as apply on a view.
///
/// `zero` is by default the result of element_traits<T>::store for 0, or T{} for a type that tamp
/// does not know. Pass another one where 0 has another form, as the zero point of a quantised row.
/// `keep` has ceil(elements.size() / 64) words. Bits past the last element are ignored.
/// @throws shape_error if `keep` has another number of words; nothing is written then
template <class T>
  requires(!std::is_const_v<T>)
void zero_dropped(std::span<T> elements, std::span<const mask::word> keep,
                  std::type_identity_t<T> zero = detail::zero_of<T>()) {
  const std::size_t words =
      elements.size() / mask::word_bits + (elements.size() % mask::word_bits != 0 ? 1 : 0);
  if (keep.size() != words)
    detail::raise<shape_error>("zero_dropped: ", elements.size(), " elements have ", words,
                               " words of a mask, not ", keep.size());
  detail::write_zeros(elements, keep, zero);
}

}  // namespace tamp::inline TAMP_FLAGS
