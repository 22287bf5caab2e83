#pragma once

/// @file
/// The threshold that cuts a row of scores in two.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <type_traits>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The unsigned integer type with as many bits as a float or a double.
template <class T>
using bits_of_number = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

/// The scores of a row, with two hints for speed: the approximate sum of the scores, and the memory
/// that is read next, which can be prefetched.
template <class T>
struct scored_row : std::span<const T> {
  T sum = 0;
  std::span<const std::byte> next{};
};

/// A threshold, which is the score of the last weight to go, and the numbers of scores below it and
/// equal to it.
template <class T>
struct cut {
  T threshold;
  std::size_t below, equal;
};

/// A forecast of the next row's threshold, made from the rows so far. It is near a multiple of the
/// mean score. Only speed depends on it.
template <class T>
class cut_forecast {
 public:
  bool is_known() const noexcept { return rows_ != 0; }
  T lowest(T mean) const noexcept { return mean * (ratio_ - reach()); }
  T highest(T mean) const noexcept { return mean * (ratio_ + reach()); }

  void learn(T mean, T threshold, bool was_within) noexcept {
    const T seen = threshold / mean;
    if (!is_finite(seen)) return;
    // Running means: over all rows at first, then over about the last sixteen.
    const T share = T{1} / static_cast<T>(rows_ < 16 ? rows_ + 1 : 16);
    if (rows_ != 0) error_ += (std::abs(seen - ratio_) - error_) * share;
    if (!was_within) error_ += error_ / 4;
    ratio_ += (seen - ratio_) * share;
    ++rows_;
  }

 private:
  // Errors are about normal: 3.2 times their mean size is 2.6 standard deviations.
  T reach() const noexcept {
    return rows_ < 4 ? std::abs(ratio_) / 8 : static_cast<T>(3.2) * error_;
  }

  T ratio_ = 0, error_ = 0;
  std::size_t rows_ = 0;
};

/// The room that loops need behind the numbers they write, since they store whole vectors.
inline constexpr std::size_t vector_room = 32;

/// Returns the room that cut_row needs, in numbers, besides a row's scores.
constexpr std::size_t cut_scratch(std::size_t cols) noexcept { return 2 * (cols + vector_room); }

/// Returns a table of permutations. For each choice of lanes, out of 4 or 8, it has the places of
/// the lanes of 4 bytes that they occupy, chosen ones first, packed into the bytes of a number. A
/// lane out of 4 occupies two lanes of 4 bytes.
template <std::size_t Lanes>
constexpr auto make_chosen_lanes() {
  std::array<std::uint64_t, std::size_t{1} << Lanes> table{};
  for (std::size_t bits = 0; bits < table.size(); ++bits) {
    constexpr std::size_t parts = 8 / Lanes;
    std::size_t place = 0;
    for (std::size_t lane = 0; lane < Lanes; ++lane)
      if (bits >> lane & 1u)
        for (std::size_t part = 0; part < parts; ++part)
          table[bits] |= std::uint64_t{lane * parts + part} << (8 * place++);
  }
  return table;
}
inline constexpr auto chosen_of_4 = make_chosen_lanes<4>();
inline constexpr auto chosen_of_8 = make_chosen_lanes<8>();

}  // namespace tamp::inline TAMP_FLAGS::detail
