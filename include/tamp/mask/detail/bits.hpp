#pragma once

/// @file
/// Loops between numbers and the words of a mask, 64 at a time.

#include <algorithm>
#include <cstddef>
#include <span>

#include "../bitmask.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Sets bit j to `keep(j)` for j < count, and clears the bits from there on.
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

/// Transposes a square of 64 x 64 bits: bit r of word c becomes the former bit c of word r.
///
/// Six rounds swap blocks of 32, 16, ... 1 bits that are on the wrong side of the diagonal (Warren,
/// Hacker's Delight, 2nd ed., section 7-3).
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

}  // namespace tamp::inline TAMP_FLAGS::detail
