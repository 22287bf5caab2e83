#pragma once

// A host's own types of number: of every size, with zeros that have bits set.

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <tamp/element.hpp>

namespace support {

/// 8 bits: sign, 4 of exponent, 3 of fraction, without infinities (E4M3 of "FP8 formats for deep
/// learning").
struct fp8 {
  std::uint8_t bits;
};

/// 8 bits with the zero point 3 and the step 1/16.
struct shifted8 {
  std::uint8_t bits;
};

/// 16 bits with a zero point in the middle: 0 is 0x8000.
struct shifted16 {
  std::uint16_t bits;
};

/// 24 bits, a fixed point, in bytes.
struct fixed24 {
  std::array<std::uint8_t, 3> bytes;
};

/// 32 bits, a fixed point.
struct fixed32 {
  std::int32_t bits;
};

/// 32 bits: a float whose bits are flipped, so that 0 has none but set ones.
struct flipped32 {
  std::uint32_t bits;
};

/// 64 bits: a double whose bits are flipped.
struct flipped64 {
  std::uint64_t bits;
};

/// A double in a class of its own, which cannot be copied byte by byte.
class counted {
 public:
  counted(double number = 0) : number_(number) {}
  counted(const counted& other) : number_(other.number_) {}
  counted& operator=(const counted& other) {
    number_ = other.number_;
    return *this;
  }
  double number() const { return number_; }

 private:
  double number_;
};

}  // namespace support

template <>
struct tamp::element_traits<support::fp8> {
  using compute = float;
  static float load(support::fp8 value) noexcept {
    const int exponent = value.bits >> 3 & 15, fraction = value.bits & 7;
    if ((value.bits & 127) == 127) return std::bit_cast<float>(0x7fc00000u);
    const float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                                     : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
    return value.bits & 128 ? -size : size;
  }
  /// The nearest of all 128 sizes, the even one of two.
  static support::fp8 store(float number) noexcept {
    const float size = std::fabs(number);
    std::uint8_t nearest = 0;
    for (std::uint8_t bits = 1; bits < 127; ++bits) {
      const float there = load({bits}), here = load({nearest});
      const float further = std::fabs(there - size), nearer = std::fabs(here - size);
      if (further < nearer || (further == nearer && bits % 2 == 0)) nearest = bits;
    }
    return {static_cast<std::uint8_t>(nearest | (std::signbit(number) ? 128 : 0))};
  }
};

template <>
struct tamp::element_traits<support::shifted8> {
  using compute = float;
  static float load(support::shifted8 value) noexcept {
    return (static_cast<float>(value.bits) - 3) / 16;
  }
  static support::shifted8 store(float number) noexcept {
    return {static_cast<std::uint8_t>(std::fmin(std::fmax(std::round(number * 16 + 3), 0), 255))};
  }
};

template <>
struct tamp::element_traits<support::shifted16> {
  using compute = float;
  static float load(support::shifted16 value) noexcept {
    return (static_cast<float>(value.bits) - 32768) / 1024;
  }
  static support::shifted16 store(float number) noexcept {
    return {static_cast<std::uint16_t>(
        std::fmin(std::fmax(std::round(number * 1024 + 32768), 0), 65535))};
  }
};

template <>
struct tamp::element_traits<support::fixed24> {
  using compute = float;
  static float load(support::fixed24 value) noexcept {
    const auto& b = value.bytes;
    return static_cast<float>(b[0] | b[1] << 8 | b[2] << 16) / 65536 - 128;
  }
  static support::fixed24 store(float number) noexcept {
    const auto steps = static_cast<std::uint32_t>(std::round((number + 128) * 65536));
    return {{static_cast<std::uint8_t>(steps), static_cast<std::uint8_t>(steps >> 8),
             static_cast<std::uint8_t>(steps >> 16)}};
  }
};

template <>
struct tamp::element_traits<support::fixed32> {
  using compute = double;
  static double load(support::fixed32 value) noexcept { return value.bits / 65536.0; }
  static support::fixed32 store(double number) noexcept {
    return {static_cast<std::int32_t>(std::round(number * 65536))};
  }
};

template <>
struct tamp::element_traits<support::flipped32> {
  using compute = float;
  static float load(support::flipped32 value) noexcept { return std::bit_cast<float>(~value.bits); }
  static support::flipped32 store(float number) noexcept {
    return {~std::bit_cast<std::uint32_t>(number)};
  }
};

template <>
struct tamp::element_traits<support::flipped64> {
  using compute = double;
  static double load(support::flipped64 value) noexcept {
    return std::bit_cast<double>(~value.bits);
  }
  static support::flipped64 store(double number) noexcept {
    return {~std::bit_cast<std::uint64_t>(number)};
  }
};

template <>
struct tamp::element_traits<support::counted> {
  using compute = double;
  static double load(const support::counted& value) noexcept { return value.number(); }
  static support::counted store(double number) noexcept { return {number}; }
};
