#pragma once

/// @file
/// The magnitude score, which needs no data.

#include <concepts>
#include <cstdlib>
#include <string_view>

#include "../config.hpp"
#include "../role.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// Keeps the weights that are largest in absolute value.
///
/// Use it as the baseline, or when there is no calibration data.
///
///     score(i, j) = |w(i, j)|
///
/// Zeros of either sign score the same.
/// Source: Han et al. 2015 (arXiv 1506.02626).
/// @see score::wanda, which scales each weight by the norm of its input
struct magnitude {
  using role = tamp::role::score;
  static constexpr std::string_view label() { return "magnitude"; }
  static constexpr bool never_nan = true;
  static constexpr bool shows_non_finite = true;

  template <std::floating_point Real>
  TAMP_FN Real operator()(Real weight) const noexcept {
    return std::abs(weight);
  }

  friend bool operator==(const magnitude&, const magnitude&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::score
