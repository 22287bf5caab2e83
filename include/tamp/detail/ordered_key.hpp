#pragma once

/// @file
/// Numbers as unsigned integers of the same order.

#include <bit>
#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// An unsigned integer for each number but NaN, so that a < b exactly where key(a) < key(b); zeros
/// of either sign share one. Positive numbers are ordered like their bits, negative ones the other
/// way round.
constexpr std::uint32_t ordered_key(float number) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  constexpr std::uint32_t sign = 0x80000000u;
  return bits & sign ? sign - (bits ^ sign) : bits + sign;
}
constexpr std::uint64_t ordered_key(double number) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  constexpr std::uint64_t sign = 0x8000000000000000u;
  return bits & sign ? sign - (bits ^ sign) : bits + sign;
}

/// The number of a key; the positive zero for that of zeros.
constexpr float number_of_key(std::uint32_t key) noexcept {
  constexpr std::uint32_t sign = 0x80000000u;
  return std::bit_cast<float>(key >= sign ? key - sign : (sign - key) ^ sign);
}
constexpr double number_of_key(std::uint64_t key) noexcept {
  constexpr std::uint64_t sign = 0x8000000000000000u;
  return std::bit_cast<double>(key >= sign ? key - sign : (sign - key) ^ sign);
}

/// The neighbours of a number. There is none above infinity, none below minus infinity.
template <class Real>
constexpr Real next_higher(Real number) noexcept {
  return number_of_key(ordered_key(number) + 1);
}
template <class Real>
constexpr Real next_lower(Real number) noexcept {
  return number_of_key(ordered_key(number) - 1);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
