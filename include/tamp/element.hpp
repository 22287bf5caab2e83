#pragma once

/// @file
/// Element types: float, double, f16, bf16, fp8, int8, and a host's own types.

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "config.hpp"
#include "detail/bits_as_computed.hpp"

namespace tamp::inline TAMP_FLAGS {

/// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. It is for storage only; arithmetic
/// is in float.
struct f16 {
  std::uint16_t bits = 0;

  f16() = default;
  TAMP_FN explicit constexpr f16(float value) noexcept : bits(from_float(value)) {}
  TAMP_FN explicit constexpr operator float() const noexcept { return to_float(bits); }
  TAMP_FN static constexpr f16 from_bits(std::uint16_t bits) noexcept {
    f16 value;
    value.bits = bits;
    return value;
  }
  TAMP_FN friend constexpr bool operator==(f16 a, f16 b) noexcept {
    return (a.bits == b.bits && (a.bits & 0x7fffu) <= 0x7c00u) ||
           ((a.bits | b.bits) & 0x7fffu) == 0;
  }

 private:
  // A normal number only needs its exponent re-biased. A subnormal one gets the exponent of 2^-14.
  // The subtraction of the implicit one in float then normalises it.
  TAMP_FN static constexpr float to_float(std::uint16_t half) noexcept {
    const std::uint32_t sign = std::uint32_t(half & 0x8000u) << 16;
    const std::uint32_t magnitude = std::uint32_t(half & 0x7fffu) << 13;
    constexpr std::uint32_t exponent = 0x7c00u << 13, rebias = (127u - 15u) << 23;
    const float subnormal = std::bit_cast<float>(magnitude + rebias + (1u << 23)) -
                            std::bit_cast<float>(rebias + (1u << 23));
    const std::uint32_t special = (magnitude & exponent) == exponent ? rebias : 0;
    const std::uint32_t normal = magnitude + rebias + special;
    const std::uint32_t body = (magnitude & exponent) == 0
                                   ? std::bit_cast<std::uint32_t>(subnormal) & 0x7fffffffu
                                   : normal;
    return std::bit_cast<float>(sign | body);
  }

  // Rounds to nearest, ties to even. Overflow gives infinity; NaN stays a quiet NaN.
  TAMP_FN static constexpr std::uint16_t from_float(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
      return std::uint16_t(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) return std::uint16_t(sign | 0x7c00u);
    if (magnitude < 0x33000000u) return std::uint16_t(sign);  // below half of the smallest
    if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24, rounded
      const std::uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
      const std::uint32_t shift = 126u - (magnitude >> 23), kept = fraction >> shift;
      const std::uint32_t rest = fraction - (kept << shift), middle = 1u << (shift - 1);
      return std::uint16_t(sign | (kept + (rest > middle || (rest == middle && (kept & 1u) != 0))));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    return std::uint16_t(sign | ((magnitude - (112u << 23) + 0xfffu + odd) >> 13));
  }
};

/// bfloat16: the upper half of a float. It is for storage only; arithmetic is in float.
struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  TAMP_FN explicit constexpr bf16(float value) noexcept : bits(from_float(value)) {}
  TAMP_FN explicit constexpr operator float() const noexcept {
    return std::bit_cast<float>(std::uint32_t(bits) << 16);
  }
  TAMP_FN static constexpr bf16 from_bits(std::uint16_t bits) noexcept {
    bf16 value;
    value.bits = bits;
    return value;
  }
  TAMP_FN friend constexpr bool operator==(bf16 a, bf16 b) noexcept {
    return (a.bits == b.bits && (a.bits & 0x7fffu) <= 0x7f80u) ||
           ((a.bits | b.bits) & 0x7fffu) == 0;
  }

 private:
  TAMP_FN static constexpr std::uint16_t from_float(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return std::uint16_t((bits >> 16) | 0x40u);
    return std::uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
};

namespace detail {

/// Rounds a float to a small floating-point format: to nearest, ties to even. `magnitude` has the
/// bits of a finite float without its sign. The format has `fraction` fraction bits and the
/// exponent bias `bias`. Returns its exponent and fraction as one integer, which may be larger than
/// the format holds. The integers count the numbers of the format from 0 on. Rounding up therefore
/// carries into the exponent.
TAMP_FN constexpr std::uint32_t round_to_small_float(std::uint32_t magnitude,
                                                     std::uint32_t fraction,
                                                     std::uint32_t bias) noexcept {
  const std::uint32_t exponent = magnitude >> 23, smallest = 128 - bias;
  if (exponent + fraction + 1 < smallest) return 0;  // below half of the smallest number
  const std::uint32_t below = exponent < smallest ? smallest - exponent : 0;
  const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = 23 - fraction + below, kept = significand >> shift;
  const std::uint32_t rest = significand - (kept << shift), middle = 1u << (shift - 1);
  const std::uint32_t rounded =
      kept + (rest > middle || (rest == middle && (kept & 1u) != 0) ? 1 : 0);
  return ((exponent + below - smallest) << fraction) + rounded;
}

}  // namespace detail

/// 8-bit floating point with 4 exponent and 3 fraction bits, without infinities: E4M3 of the OCP
/// 8-bit floating point specification, F8_E4M3 in safetensors files. Its largest number is 448. A
/// larger one becomes NaN. It is for storage only; arithmetic is in float.
struct f8_e4m3 {
  std::uint8_t bits = 0;

  f8_e4m3() = default;
  TAMP_FN explicit constexpr f8_e4m3(float value) noexcept : bits(from_float(value)) {}
  TAMP_FN explicit constexpr operator float() const noexcept {
    const std::uint32_t sign = std::uint32_t(bits & 0x80u) << 24, magnitude = bits & 0x7fu;
    if (magnitude == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
    if (magnitude < 8) {  // subnormal: a multiple of 2^-9
      const float multiple = float(magnitude) * 0x1p-9f;
      return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(multiple));
    }
    return std::bit_cast<float>(sign | ((magnitude << 20) + ((127u - 7u) << 23)));
  }
  TAMP_FN static constexpr f8_e4m3 from_bits(std::uint8_t bits) noexcept {
    f8_e4m3 value;
    value.bits = bits;
    return value;
  }
  TAMP_FN friend constexpr bool operator==(f8_e4m3 a, f8_e4m3 b) noexcept {
    return (a.bits == b.bits && (a.bits & 0x7fu) != 0x7fu) || ((a.bits | b.bits) & 0x7fu) == 0;
  }

 private:
  TAMP_FN static constexpr std::uint8_t from_float(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 24) & 0x80u, magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x7f800000u) return std::uint8_t(sign | 0x7fu);
    const std::uint32_t rounded = detail::round_to_small_float(magnitude, 3, 7);
    return std::uint8_t(sign | (rounded < 0x7fu ? rounded : 0x7fu));
  }
};

/// 8-bit floating point with 5 exponent and 2 fraction bits: E5M2 of the OCP 8-bit floating point
/// specification, F8_E5M2 in safetensors files. Its bits are the upper half of an f16. It is for
/// storage only; arithmetic is in float.
struct f8_e5m2 {
  std::uint8_t bits = 0;

  f8_e5m2() = default;
  TAMP_FN explicit constexpr f8_e5m2(float value) noexcept : bits(from_float(value)) {}
  TAMP_FN explicit constexpr operator float() const noexcept {
    return float(f16::from_bits(std::uint16_t(bits << 8)));
  }
  TAMP_FN static constexpr f8_e5m2 from_bits(std::uint8_t bits) noexcept {
    f8_e5m2 value;
    value.bits = bits;
    return value;
  }
  TAMP_FN friend constexpr bool operator==(f8_e5m2 a, f8_e5m2 b) noexcept {
    return f16::from_bits(std::uint16_t(a.bits << 8)) == f16::from_bits(std::uint16_t(b.bits << 8));
  }

 private:
  TAMP_FN static constexpr std::uint8_t from_float(float value) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 24) & 0x80u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return std::uint8_t(sign | 0x7eu);
    if (magnitude == 0x7f800000u) return std::uint8_t(sign | 0x7cu);
    const std::uint32_t rounded = detail::round_to_small_float(magnitude, 2, 15);
    return std::uint8_t(sign | (rounded < 0x7cu ? rounded : 0x7cu));
  }
};

/// The traits of a number type, the only place where tamp learns about it.
///
/// A specialisation has `compute` (float or double, the type of the arithmetic) and the conversions
/// `load` and `store`. A host's own 16-bit type takes one line: see element_like.
template <class T>
struct element_traits;

template <>
struct element_traits<float> {
  using compute = float;
  TAMP_FN static constexpr float load(float value) noexcept { return value; }
  TAMP_FN static constexpr float store(float value) noexcept { return value; }
};

template <>
struct element_traits<double> {
  using compute = double;
  TAMP_FN static constexpr double load(double value) noexcept { return value; }
  TAMP_FN static constexpr double store(double value) noexcept { return value; }
};

template <>
struct element_traits<f16> {
  using compute = float;
  TAMP_FN static constexpr float load(f16 value) noexcept { return float(value); }
  TAMP_FN static constexpr f16 store(float value) noexcept { return f16(value); }
};

template <>
struct element_traits<bf16> {
  using compute = float;
  TAMP_FN static constexpr float load(bf16 value) noexcept { return float(value); }
  TAMP_FN static constexpr bf16 store(float value) noexcept { return bf16(value); }
};

template <>
struct element_traits<f8_e4m3> {
  using compute = float;
  TAMP_FN static constexpr float load(f8_e4m3 value) noexcept { return float(value); }
  TAMP_FN static constexpr f8_e4m3 store(float value) noexcept { return f8_e4m3(value); }
};

template <>
struct element_traits<f8_e5m2> {
  using compute = float;
  TAMP_FN static constexpr float load(f8_e5m2 value) noexcept { return float(value); }
  TAMP_FN static constexpr f8_e5m2 store(float value) noexcept { return f8_e5m2(value); }
};

/// Whole numbers of 8 bits, as of weights quantised without an offset. Selection compares them as
/// they are. That is right within rows if each row has one scale, and in whole weights if the weight
/// has one. A number is stored rounded to nearest, ties to even, and limited to [-128, 127]; NaN as
/// 0.
template <>
struct element_traits<std::int8_t> {
  using compute = float;
  TAMP_FN static constexpr float load(std::int8_t value) noexcept { return float(value); }
  TAMP_FN static constexpr std::int8_t store(float value) noexcept {
    if (!(value > -128.0f)) return value <= -128.0f ? std::int8_t{-128} : std::int8_t{0};
    if (value >= 127.0f) return 127;
    const int below = int(value) - (value < float(int(value)) ? 1 : 0);
    const float rest = value - float(below);
    return std::int8_t(below + (rest > 0.5f || (rest == 0.5f && below % 2 != 0) ? 1 : 0));
  }
};

/// The traits of a host's type that has the same bits as `Twin`:
///
///     template <>
///     struct tamp::element_traits<my::half> : tamp::element_like<my::half, tamp::f16> {};
template <class Host, class Twin>
struct element_like {
  static_assert(sizeof(Host) == sizeof(Twin) && std::is_trivially_copyable_v<Host>,
                "element_like: the host's type and its twin must have the same bits");
  using twin = Twin;
  using compute = typename element_traits<Twin>::compute;
  TAMP_FN static constexpr compute load(Host value) noexcept {
    return element_traits<Twin>::load(std::bit_cast<Twin>(value));
  }
  TAMP_FN static constexpr Host store(compute value) noexcept {
    return std::bit_cast<Host>(element_traits<Twin>::store(value));
  }
};

/// A number type that tamp can read and write: float, double, or one that converts to one of them.
template <class T>
concept element = requires(std::remove_const_t<T> value,
                           typename element_traits<std::remove_const_t<T>>::compute number) {
  { element_traits<std::remove_const_t<T>>::load(value) } -> std::same_as<decltype(number)>;
  { element_traits<std::remove_const_t<T>>::store(number) } -> std::same_as<std::remove_const_t<T>>;
  requires std::same_as<decltype(number), float> || std::same_as<decltype(number), double>;
};

/// The type of the arithmetic on `T`, from its traits: double for double, float for tamp's others.
template <element T>
using compute_type = typename element_traits<std::remove_const_t<T>>::compute;

namespace detail {

template <class T>
struct twin_of {
  using type = T;
};
template <class T>
  requires requires { typename element_traits<T>::twin; }
struct twin_of<T> {
  using type = typename element_traits<T>::twin;
};
/// True if T has the bits of a Twin.
template <class T, class Twin>
inline constexpr bool has_bits_of = std::is_same_v<typename twin_of<T>::type, Twin>;

}  // namespace detail

/// Returns true for all numbers but infinities and NaN, also under -ffast-math.
TAMP_FN constexpr bool is_finite(const float& value) noexcept {
  return (detail::bits_as_computed(value) & 0x7f800000u) != 0x7f800000u;
}
TAMP_FN constexpr bool is_finite(const double& value) noexcept {
  constexpr std::uint64_t exponent = 0x7ff0000000000000u;
  return (detail::bits_as_computed(value) & exponent) != exponent;
}

}  // namespace tamp::inline TAMP_FLAGS
