#pragma once

/// @file
/// Types of number in a safetensors file: their names and sizes.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "../dtype.hpp"

namespace tamp::inline TAMP_FLAGS::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and so must the machine be");

using tamp::dtype;

namespace detail {

using tamp::detail::dtype_entry;
using tamp::detail::dtype_of;
using tamp::detail::dtypes;
using tamp::detail::entry;

/// The type that files call so; `unknown` if there is none.
inline const dtype_entry& entry(std::string_view name) {
  return *std::find_if(dtypes.begin(), dtypes.end() - 1,
                       [&](const dtype_entry& known) { return known.name == name; });
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

/// The bytes that so many numbers of a known type take; nothing if that is no whole number of
/// bytes, or too many to count.
inline std::optional<std::size_t> bytes_of(const dtype_entry& type, std::size_t numbers) {
  const std::size_t eights = numbers / 8, rest = numbers % 8 * type.bits;
  constexpr std::size_t most = (std::numeric_limits<std::size_t>::max)();
  if (rest % 8 != 0 || eights > (most - rest / 8) / type.bits) return std::nullopt;
  return eights * type.bits + rest / 8;
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS::io
