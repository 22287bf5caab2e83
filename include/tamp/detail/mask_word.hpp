#pragma once

/// @file
/// The words of a mask.

#include <cstddef>
#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::mask {

/// 64 neighbouring weights of a row. Bit k is the k-th of them.
using word = std::uint64_t;
inline constexpr std::size_t word_bits = 64;

}  // namespace tamp::inline TAMP_FLAGS::mask
