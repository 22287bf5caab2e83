#pragma once

/// @file
/// Types of number that a safetensors file holds.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "../tensor/element.hpp"

namespace tamp::inline TAMP_FLAGS::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and so must the machine be");

/// Types of number that a safetensors file can hold here.
enum class dtype { f64, f32, f16, bf16, i64, i32, u8, boolean };

namespace detail {

struct dtype_entry {
  dtype type;
  std::string_view name;
  std::size_t size;
};
inline constexpr dtype_entry dtypes[] = {{dtype::f64, "F64", 8}, {dtype::f32, "F32", 4},
                                         {dtype::f16, "F16", 2}, {dtype::bf16, "BF16", 2},
                                         {dtype::i64, "I64", 8}, {dtype::i32, "I32", 4},
                                         {dtype::u8, "U8", 1},   {dtype::boolean, "BOOL", 1}};

constexpr const dtype_entry& entry(dtype type) { return dtypes[static_cast<std::size_t>(type)]; }

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
  else if constexpr (std::same_as<T, std::uint8_t>)
    return dtype::u8;
  else if constexpr (std::same_as<T, bool>)
    return dtype::boolean;
  else
    static_assert(sizeof(T) == 0,
                  "safetensors: tamp knows double, float, tamp::f16, tamp::bf16, std::int64_t, "
                  "std::int32_t, std::uint8_t and bool");
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

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS::io
