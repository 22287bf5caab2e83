#pragma once

/// @file
/// Types of number as values at run time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "element.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Types of number of tensors in files and frameworks, named as safetensors files name them. Tensors
/// of f64, f32, f16, bf16, f8_e4m3, f8_e5m2 and i8 can be pruned. The others are here so that their
/// tensors can be listed, copied and refused by name; `unknown` is any other.
enum class dtype {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  c64,
  boolean,
  unknown
};

namespace detail {

struct dtype_entry {
  dtype type;
  std::string_view name;
  std::size_t bits;  ///< of one number; 0 where that is not known
};
inline constexpr auto dtypes = std::to_array<dtype_entry>({{dtype::f64, "F64", 64},
                                                           {dtype::f32, "F32", 32},
                                                           {dtype::f16, "F16", 16},
                                                           {dtype::bf16, "BF16", 16},
                                                           {dtype::f8_e4m3, "F8_E4M3", 8},
                                                           {dtype::f8_e5m2, "F8_E5M2", 8},
                                                           {dtype::f8_e8m0, "F8_E8M0", 8},
                                                           {dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
                                                           {dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
                                                           {dtype::f6_e2m3, "F6_E2M3", 6},
                                                           {dtype::f6_e3m2, "F6_E3M2", 6},
                                                           {dtype::f4, "F4", 4},
                                                           {dtype::i64, "I64", 64},
                                                           {dtype::i32, "I32", 32},
                                                           {dtype::i16, "I16", 16},
                                                           {dtype::i8, "I8", 8},
                                                           {dtype::u64, "U64", 64},
                                                           {dtype::u32, "U32", 32},
                                                           {dtype::u16, "U16", 16},
                                                           {dtype::u8, "U8", 8},
                                                           {dtype::c64, "C64", 64},
                                                           {dtype::boolean, "BOOL", 8},
                                                           {dtype::unknown, "unknown", 0}});

constexpr const dtype_entry& entry(dtype type) { return dtypes[static_cast<std::size_t>(type)]; }

/// The dtype of a C++ type; `unknown` for a type that has none.
template <class T>
inline constexpr dtype dtype_or_unknown = dtype::unknown;
template <>
inline constexpr dtype dtype_or_unknown<double> = dtype::f64;
template <>
inline constexpr dtype dtype_or_unknown<float> = dtype::f32;
template <>
inline constexpr dtype dtype_or_unknown<f16> = dtype::f16;
template <>
inline constexpr dtype dtype_or_unknown<bf16> = dtype::bf16;
template <>
inline constexpr dtype dtype_or_unknown<f8_e4m3> = dtype::f8_e4m3;
template <>
inline constexpr dtype dtype_or_unknown<f8_e5m2> = dtype::f8_e5m2;
template <>
inline constexpr dtype dtype_or_unknown<std::int64_t> = dtype::i64;
template <>
inline constexpr dtype dtype_or_unknown<std::int32_t> = dtype::i32;
template <>
inline constexpr dtype dtype_or_unknown<std::int16_t> = dtype::i16;
template <>
inline constexpr dtype dtype_or_unknown<std::int8_t> = dtype::i8;
template <>
inline constexpr dtype dtype_or_unknown<std::uint64_t> = dtype::u64;
template <>
inline constexpr dtype dtype_or_unknown<std::uint32_t> = dtype::u32;
template <>
inline constexpr dtype dtype_or_unknown<std::uint16_t> = dtype::u16;
template <>
inline constexpr dtype dtype_or_unknown<std::uint8_t> = dtype::u8;
template <>
inline constexpr dtype dtype_or_unknown<bool> = dtype::boolean;

/// The dtype of a C++ type, or of its twin. It must have one.
template <class T>
consteval dtype dtype_of() {
  constexpr dtype type = dtype_or_unknown<typename twin_of<T>::type>;
  static_assert(type != dtype::unknown,
                "tamp has a dtype for double, float, tamp::f16, tamp::bf16, tamp::f8_e4m3, "
                "tamp::f8_e5m2, bool and the integers of std::int8_t to std::uint64_t, and for "
                "types whose element_traits name one of them as their twin");
  return type;
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
