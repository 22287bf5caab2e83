#pragma once

/// @file
/// The highest scores of a group of neighbouring columns.

#include <cstddef>
#include <cstdint>
#include <span>

#include "../../detail/mask_word.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Sets the bits of all but the `drop` lowest scores of a group that begins at column `first`.
/// `keep` is the mask of the row, in which the bits of the group are clear. A group has at most 32
/// columns, and may straddle two words. Ties: the lower column is dropped first.
///
/// A weight's rank is the number of weights in its group that are dropped before it. Counting them
/// by comparisons needs no branch and no sort.
template <class Score>
void keep_highest(const Score* group, std::size_t width, std::size_t drop, std::size_t first,
                  std::span<mask::word> keep) {
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < width; ++i) {
    std::size_t rank = 0;
    for (std::size_t k = 0; k < i; ++k) rank += group[k] <= group[i];
    for (std::size_t k = i + 1; k < width; ++k) rank += group[k] < group[i];
    kept |= std::uint32_t{rank >= drop} << i;
  }
  const std::size_t shift = first % mask::word_bits, at = first / mask::word_bits;
  const mask::word bits = kept;
  keep[at] |= bits << shift;
  if (shift + width > mask::word_bits) keep[at + 1] |= bits >> (mask::word_bits - shift);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
