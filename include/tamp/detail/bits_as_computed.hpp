#pragma once

/// @file
/// The bits of numbers of which -ffast-math assumes nothing.

#include <bit>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The bits of a number, by reference: with -ffast-math a compiler takes what was computed, or
/// passed by value, for finite, and looks even through its bits.
template <class Real>
TAMP_FN constexpr auto bits_as_computed(const Real& number) noexcept {
  auto bits =
      std::bit_cast<std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>>(number);
#if (defined(__FAST_MATH__) || __FINITE_MATH_ONLY__) && !defined(__CUDA_ARCH__)
  if (!std::is_constant_evaluated()) __asm__("" : "+r"(bits));
#endif
  return bits;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
