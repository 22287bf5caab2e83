#pragma once

/// @file
/// The bits of numbers, free of the assumptions of -ffast-math.

#include <bit>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the bits of a number.
///
/// The number is passed by reference. With -ffast-math, a compiler assumes that a computed number,
/// or one passed by value, is finite, and applies the assumption to its bits, too.
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
