#pragma once

/// @file
/// The ranges that parameters and other numbers from outside lie in.
///
/// With -ffast-math a compiler may take `!(x >= 0 && x <= 1)` for `x < 0 || x > 1`, which is false
/// for NaN. These functions look at the bits first, and take their number by reference for the
/// reason that bits_as_computed names.

#include <concepts>

#include "../element.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// True for a finite number that is not negative; -0 is not negative.
template <std::floating_point Real>
TAMP_FN constexpr bool is_nonnegative(const Real& number) noexcept {
  return is_finite(number) && number >= 0;
}

/// True for a finite number above 0.
template <std::floating_point Real>
TAMP_FN constexpr bool is_positive(const Real& number) noexcept {
  return is_finite(number) && number > 0;
}

/// True for a number in [0, 1].
template <std::floating_point Real>
TAMP_FN constexpr bool is_fraction(const Real& number) noexcept {
  return is_nonnegative(number) && number <= 1;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
