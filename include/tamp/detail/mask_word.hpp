#pragma once

/// @file
/// The words that masks consist of.

#include <cstddef>
#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::mask {

/// 64 neighbouring weights of a row; bit k stands for the k-th of them.
using word = std::uint64_t;
inline constexpr std::size_t word_bits = 64;

}  // namespace tamp::inline TAMP_FLAGS::mask
