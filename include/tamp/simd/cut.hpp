#pragma once

/// @file
/// Where a row of scores is cut in two.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The unsigned integer that has as many bits as a float or a double.
template <class T>
using bits_of_number = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

/// The scores of a row, with what makes work on them faster: about their sum, and the memory that
/// will be read next, to be fetched meanwhile.
template <class T>
struct scored_row : std::span<const T> {
  T sum = 0;
  std::span<const std::byte> next{};
};

/// The score of the last weight to go, how many scores are below it, and how many equal it.
template <class T>
struct cut {
  T threshold;
  std::size_t below, equal;
};

/// What the rows seen so far say of where the next row's cut will lie: near a multiple of the mean
/// score. Only speed depends on it.
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
    if (rows_ != 0) error_ += (std::fabs(seen - ratio_) - error_) * share;
    if (!was_within) error_ += error_ / 4;
    ratio_ += (seen - ratio_) * share;
    ++rows_;
  }

 private:
  // Errors are about normal: 3.2 times their mean size is 2.6 standard deviations.
  T reach() const noexcept {
    return rows_ < 4 ? std::fabs(ratio_) / 8 : static_cast<T>(3.2) * error_;
  }

  T ratio_ = 0, error_ = 0;
  std::size_t rows_ = 0;
};

/// Whoever writes chosen numbers one after the other writes a whole vector each time: room for
/// that.
inline constexpr std::size_t vector_room = 32;

/// How many numbers cut_row needs room for besides a row's scores.
constexpr std::size_t cut_scratch(std::size_t cols) noexcept { return 2 * (cols + vector_room); }

/// For each choice of lanes of 4 or 8, the lanes of 4 bytes in which they lie, chosen ones first;
/// packed into the bytes of a number. A lane of a choice of 4 is two lanes of 4 bytes.
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
