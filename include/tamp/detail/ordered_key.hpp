#pragma once

/// @file
/// Order-preserving maps between numbers and unsigned integers.

#include <bit>
#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns a key of a number other than NaN, such that a < b exactly if key(a) < key(b). Zeros of
/// either sign have one key. Positive numbers are ordered like their bits, negative ones in
/// reverse.
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

/// Returns the number of a key. The key of zeros gives the positive zero.
constexpr float number_of_key(std::uint32_t key) noexcept {
  constexpr std::uint32_t sign = 0x80000000u;
  return std::bit_cast<float>(key >= sign ? key - sign : (sign - key) ^ sign);
}
constexpr double number_of_key(std::uint64_t key) noexcept {
  constexpr std::uint64_t sign = 0x8000000000000000u;
  return std::bit_cast<double>(key >= sign ? key - sign : (sign - key) ^ sign);
}

/// Returns the neighbour of a number. Infinity has no higher one, minus infinity no lower one.
template <class Real>
constexpr Real next_higher(Real number) noexcept {
  return number_of_key(ordered_key(number) + 1);
}
template <class Real>
constexpr Real next_lower(Real number) noexcept {
  return number_of_key(ordered_key(number) - 1);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
