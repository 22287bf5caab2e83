#pragma once

/// @file
/// Radix selection: the key of a given rank, found in one pass over the keys for each digit.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A radix selection. The first pass counts the keys by their uppermost digit. Each further pass
/// counts those that share the known digits of the sought key by their next digit. The owner of the
/// keys counts them:
///
///     for (radix_selection<Key> find(rank, width); !find.is_done();) {
///       std::vector<std::size_t> count(find.digits(), 0);
///       for (const Key key : keys)
///         if (find.is_open(key)) ++count[find.digit(key)];
///       if (!find.enter(count)) ...  // the keys are fewer than the rank
///     }
///
/// At the end `key()` is the key of that rank, and `rank()` is its rank, from 1, among the keys
/// equal to it. On a GPU many threads count, and one that finds the digit enters it.
template <class Key>
class radix_selection {
 public:
  /// Seeks the `rank`-th lowest key, counted from 1, by digits of `width` bits. All keys must begin
  /// with the `decided` uppermost bits of `known`.
  TAMP_FN constexpr radix_selection(std::size_t rank, int width, Key known = 0,
                                    int decided = 0) noexcept
      : prefix_(decided == 0 ? Key{0} : static_cast<Key>(known >> (bits - decided))),
        rank_(rank),
        width_(width),
        decided_(decided) {}

  TAMP_FN constexpr bool is_done() const noexcept { return decided_ == bits; }
  /// Returns true in the last round, whose digit completes the key.
  TAMP_FN constexpr bool is_last() const noexcept { return decided_ + width() == bits; }
  /// The number of possible digits in this round.
  TAMP_FN constexpr std::size_t digits() const noexcept { return std::size_t{1} << width(); }
  /// Returns true for a key that begins with the digits known so far.
  TAMP_FN constexpr bool is_open(Key key) const noexcept {
    return decided_ == 0 || key >> (bits - decided_) == prefix_;
  }
  /// Returns the digit of an open key in this round.
  TAMP_FN constexpr std::size_t digit(Key key) const noexcept {
    return static_cast<std::size_t>(key >> (bits - decided_ - width()) & (digits() - 1));
  }
  /// Continues with the digit of the sought key. Returns false if there are fewer keys than the
  /// rank.
  constexpr bool enter(std::span<const std::size_t> count) noexcept {
    std::size_t d = 0, below = 0;
    for (; d < count.size() && below + count[d] < rank_; ++d) below += count[d];
    if (d == count.size()) return false;
    enter(d, below);
    return true;
  }
  /// Continues with digit d. `below` open keys have lower digits.
  TAMP_FN constexpr void enter(std::size_t d, std::size_t below) noexcept {
    const int entered = width();
    prefix_ = static_cast<Key>((entered == bits ? Key{0} : static_cast<Key>(prefix_ << entered)) |
                               static_cast<Key>(d));
    decided_ += entered;
    rank_ -= below;
  }

  /// The rank of the sought key, from 1, among the open keys.
  TAMP_FN constexpr std::size_t rank() const noexcept { return rank_; }
  /// The highest key that begins with the known digits. The sought key, if is_done().
  TAMP_FN constexpr Key key() const noexcept {
    if (decided_ == 0) return static_cast<Key>(~Key{0});
    const Key unknown = static_cast<Key>((Key{1} << (bits - decided_)) - 1);
    return static_cast<Key>(prefix_ << (bits - decided_)) | unknown;
  }

 private:
  static constexpr int bits = std::numeric_limits<Key>::digits;
  TAMP_FN constexpr int width() const noexcept { return (std::min)(width_, bits - decided_); }

  Key prefix_;
  std::size_t rank_;
  int width_, decided_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
