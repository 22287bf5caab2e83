#pragma once

/// @file
/// The Wanda score: weight magnitude times input norm.

#include <concepts>
#include <cstdlib>
#include <string_view>

#include "../config.hpp"
#include "../role.hpp"
#include "../stat/column_norm.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// Keeps the weights whose magnitude times input norm is largest.
///
/// Use it when a few hundred calibration tokens are available but no gradients. It makes one pass
/// over the weights.
///
///     score(i, j) = |w(i, j)| * norm(j)
///
/// with norm(j) from stat::column_norm over the layer's inputs. A zero norm scores zero.
/// Source: Sun et al. 2024 (arXiv 2306.11695), eq. 1.
/// @see score::magnitude, the same without data
struct wanda {
  using role = tamp::role::score;
  using needs = stat::column_norm;
  static constexpr std::string_view label() { return "wanda"; }
  static constexpr bool never_nan = true;
  static constexpr bool shows_non_finite = true;

  template <std::floating_point Real>
  TAMP_FN Real operator()(Real weight, float norm) const noexcept {
    return std::abs(weight) * norm;
  }

  friend bool operator==(const wanda&, const wanda&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::score
