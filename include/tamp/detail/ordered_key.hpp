#pragma once

/// @file
/// Numbers as unsigned integers of the same order.

#include <bit>
#include <cstdint>

#include "../config.hpp"
#include "bits_as_computed.hpp"

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

/// Made of their bits: -ffast-math takes the usual names for undefined.
template <class Real>
inline constexpr Real infinity = Real{};
template <>
inline constexpr float infinity<float> = std::bit_cast<float>(0x7f800000u);
template <>
inline constexpr double infinity<double> = std::bit_cast<double>(std::uint64_t{0x7ff} << 52);
template <class Real>
inline constexpr Real not_a_number = Real{};
template <>
inline constexpr float not_a_number<float> = std::bit_cast<float>(0x7fc00000u);
template <>
inline constexpr double not_a_number<double> = std::bit_cast<double>(std::uint64_t{0xfff} << 51);

constexpr bool is_nan(const float& number) noexcept {
  return (bits_as_computed(number) & 0x7fffffffu) > 0x7f800000u;
}
constexpr bool is_nan(const double& number) noexcept {
  return (bits_as_computed(number) & 0x7fffffffffffffffu) > 0x7ff0000000000000u;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
