#pragma once

/// @file
/// Infinity and NaN that are valid under all compiler flags.

#include <bit>
#include <cstdint>

#include "bits_as_computed.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Infinity and NaN of float and double, made from their bits. Under -ffast-math the standard names
/// for them are undefined.
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

/// Returns true for NaN, under all compiler flags.
constexpr bool is_nan(const float& number) noexcept {
  return (bits_as_computed(number) & 0x7fffffffu) > 0x7f800000u;
}
constexpr bool is_nan(const double& number) noexcept {
  return (bits_as_computed(number) & 0x7fffffffffffffffu) > 0x7ff0000000000000u;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
