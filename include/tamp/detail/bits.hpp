#pragma once

/// @file
/// Loops between numbers and the words of a mask, 64 at a time.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../mask/bitmask.hpp"
#include "../tensor/element.hpp"

namespace tamp::detail {

/// Sets bit j to `keep(j)` for j < count; bits past that become zero.
template <class Keep>
void pack_bits(std::span<mask::word> out, std::size_t count, const Keep& keep) {
  for (std::size_t w = 0; w < out.size(); ++w) {
    const std::size_t begin = w * mask::word_bits;
    const std::size_t width = (std::min)(mask::word_bits, count - begin);
    mask::word bits = 0;
    for (std::size_t k = 0; k < width; ++k) bits |= mask::word{keep(begin + k)} << k;
    out[w] = bits;
  }
}

/// Makes each of the contiguous elements +0 whose bit is 0. Since +0 has no bit set, that is an AND
/// with a mask of ones or zeros, which needs no branch and no arithmetic on T.
template <element T>
void zero_dropped(std::span<T> elements, std::span<const mask::word> keep) {
  using bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  static_assert(sizeof(T) == sizeof(bits));
  for (std::size_t w = 0; w < keep.size(); ++w) {
    const std::size_t begin = w * mask::word_bits;
    const std::span<T> part =
        elements.subspan(begin, (std::min)(mask::word_bits, elements.size() - begin));
    const mask::word kept = keep[w];
    for (std::size_t k = 0; k < part.size(); ++k) {
      const auto ones = static_cast<bits>(0 - (kept >> k & 1u));
      part[k] = std::bit_cast<T>(static_cast<bits>(std::bit_cast<bits>(part[k]) & ones));
    }
  }
}

/// Transposes a square of 64 x 64 bits: afterwards bit r of word c is what bit c of word r was.
///
/// Six rounds swap blocks of 32, 16, ... 1 bits that lie on the wrong side of the diagonal
/// (Warren, Hacker's Delight, 2nd ed., section 7-3).
inline void transpose_bits(std::span<mask::word, 64> square) {
  mask::word low = 0x00000000ffffffffu;
  for (std::size_t distance = 32; distance != 0; distance /= 2, low ^= low << distance) {
    for (std::size_t r = 0; r < 64; r = (r + distance + 1) & ~distance) {
      const mask::word wrong = (square[r] >> distance ^ square[r + distance]) & low;
      square[r] ^= wrong << distance;
      square[r + distance] ^= wrong;
    }
  }
}

}  // namespace tamp::detail
