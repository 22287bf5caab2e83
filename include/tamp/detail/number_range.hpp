#pragma once

/// @file
/// Range checks of parameters and other numbers from outside.
///
/// With -ffast-math a compiler may replace `!(x >= 0 && x <= 1)` by `x < 0 || x > 1`, which is
/// false for NaN. These functions therefore check the bits first. They take numbers by reference,
/// for the reason given at bits_as_computed.

#include <concepts>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns true for a finite number that is not negative. -0 is not negative.
template <std::floating_point Real>
TAMP_FN constexpr bool is_nonnegative(const Real& number) noexcept {
  return is_finite(number) && number >= 0;
}

/// Returns true for a finite number above 0.
template <std::floating_point Real>
TAMP_FN constexpr bool is_positive(const Real& number) noexcept {
  return is_finite(number) && number > 0;
}

/// Returns true for a number in [0, 1].
template <std::floating_point Real>
TAMP_FN constexpr bool is_fraction(const Real& number) noexcept {
  return is_nonnegative(number) && number <= 1;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
