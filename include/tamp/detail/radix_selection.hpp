#pragma once

/// @file
/// The key of a given rank among keys that are read again for each of its digits.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A radix selection: keys are counted by their uppermost digit, those in the digit of the sought
/// key by their next, and so on. Between two digits, whoever holds the keys counts them:
///
///     for (radix_selection<Key> find(rank, width); !find.is_done();) {
///       std::vector<std::size_t> count(find.digits(), 0);
///       for (const Key key : keys)
///         if (find.is_open(key)) ++count[find.digit(key)];
///       if (!find.enter(count)) ...  // the keys are fewer than the rank
///     }
///
/// In the end `key()` is the key of that rank, of which `rank()` keys, itself included, are equal
/// to it and not above the rank.
template <class Key>
class radix_selection {
 public:
  /// Seeks the `rank`-th lowest key, from 1, by digits of `width` bits. All keys begin with the
  /// `decided` uppermost bits of `known`.
  constexpr radix_selection(std::size_t rank, int width, Key known = 0, int decided = 0) noexcept
      : prefix_(decided == 0 ? Key{0} : static_cast<Key>(known >> (bits - decided))),
        rank_(rank),
        width_(width),
        decided_(decided) {}

  constexpr bool is_done() const noexcept { return decided_ == bits; }
  /// How many digits there are in this round.
  constexpr std::size_t digits() const noexcept { return std::size_t{1} << width(); }
  /// True for a key that begins with the digits known so far.
  constexpr bool is_open(Key key) const noexcept {
    return decided_ == 0 || key >> (bits - decided_) == prefix_;
  }
  /// The digit of an open key in this round.
  constexpr std::size_t digit(Key key) const noexcept {
    return static_cast<std::size_t>(key >> (bits - decided_ - width()) & (digits() - 1));
  }
  /// Goes on with the digit in which the sought key lies; false if there are fewer keys than ranks.
  constexpr bool enter(std::span<const std::size_t> count) noexcept {
    std::size_t d = 0;
    for (; d < count.size() && count[d] < rank_; ++d) rank_ -= count[d];
    if (d == count.size()) return false;
    const int entered = width();
    prefix_ = static_cast<Key>((entered == bits ? Key{0} : static_cast<Key>(prefix_ << entered)) |
                               static_cast<Key>(d));
    decided_ += entered;
    return true;
  }

  /// Requires is_done().
  constexpr Key key() const noexcept { return prefix_; }
  constexpr std::size_t rank() const noexcept { return rank_; }

 private:
  static constexpr int bits = std::numeric_limits<Key>::digits;
  constexpr int width() const noexcept { return (std::min)(width_, bits - decided_); }

  Key prefix_;
  std::size_t rank_;
  int width_, decided_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
