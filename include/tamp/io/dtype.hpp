#pragma once

/// @file
/// Types of number that a safetensors file holds.

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and so must the machine be");

/// Types of number that safetensors files hold. Those of 8 bits and less are here so that their
/// tensors can be listed and copied; `unknown` is any other.
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

/// The type that files call so; `unknown` if there is none.
inline const dtype_entry& entry(std::string_view name) {
  return *std::find_if(dtypes.begin(), dtypes.end() - 1,
                       [&](const dtype_entry& known) { return known.name == name; });
}

/// The type of number that T is, by the name that files use.
template <class T>
consteval dtype dtype_of() {
  if constexpr (std::same_as<T, double>)
    return dtype::f64;
  else if constexpr (std::same_as<T, float>)
    return dtype::f32;
  else if constexpr (std::same_as<T, f16>)
    return dtype::f16;
  else if constexpr (std::same_as<T, bf16>)
    return dtype::bf16;
  else if constexpr (std::same_as<T, std::int64_t>)
    return dtype::i64;
  else if constexpr (std::same_as<T, std::int32_t>)
    return dtype::i32;
  else if constexpr (std::same_as<T, std::int16_t>)
    return dtype::i16;
  else if constexpr (std::same_as<T, std::int8_t>)
    return dtype::i8;
  else if constexpr (std::same_as<T, std::uint64_t>)
    return dtype::u64;
  else if constexpr (std::same_as<T, std::uint32_t>)
    return dtype::u32;
  else if constexpr (std::same_as<T, std::uint16_t>)
    return dtype::u16;
  else if constexpr (std::same_as<T, std::uint8_t>)
    return dtype::u8;
  else if constexpr (std::same_as<T, bool>)
    return dtype::boolean;
  else
    static_assert(sizeof(T) == 0,
                  "safetensors: tamp knows double, float, tamp::f16, tamp::bf16, bool and the "
                  "integers of std::int8_t to std::uint64_t");
}

/// The product of the extents, or the largest number there is if that is too small for it.
inline std::size_t product(std::span<const std::size_t> shape) {
  constexpr std::size_t most = (std::numeric_limits<std::size_t>::max)();
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end()) return 0;
  std::size_t size = 1;
  for (const std::size_t extent : shape) {
    if (size > most / extent) return most;
    size *= extent;
  }
  return size;
}

/// How many bytes so many numbers of a known type take; nothing if that is no whole number of
/// bytes, or too many to count.
inline std::optional<std::size_t> bytes_of(const dtype_entry& type, std::size_t numbers) {
  const std::size_t eights = numbers / 8, rest = numbers % 8 * type.bits;
  constexpr std::size_t most = (std::numeric_limits<std::size_t>::max)();
  if (rest % 8 != 0 || eights > (most - rest / 8) / type.bits) return std::nullopt;
  return eights * type.bits + rest / 8;
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS::io
