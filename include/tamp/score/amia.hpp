#pragma once

/// @file
/// Wanda with the input norm of selected, representative tokens.

#include <cmath>
#include <concepts>
#include <string>

#include "../config.hpp"
#include "../role.hpp"
#include "../stat/amia_select.hpp"
#include "../stat/column_norm.hpp"
#include "../stat/weighted.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// Keeps the weights whose magnitude times input norm is largest, with the norm over the tokens
/// that stat::amia_select chooses: adaptive multimodal input activation.
///
/// Use it on multimodal models, in which many similar image tokens outweigh the text in
/// score::wanda. The host must show outputs, modalities and the last query's attention.
///
///     score(i, j) = |w(i, j)| * norm(j)
///
/// with norm(j) from stat::column_norm over the selected tokens of the layer's inputs. A zero norm
/// scores zero.
/// Source: Lee et al. 2025, TAMP (arXiv 2504.09897).
/// @see allocate::das, the other half of TAMP
struct amia {
  using role = tamp::role::score;
  using needs = stat::weighted<stat::column_norm, stat::amia_select>;
  static constexpr bool never_nan = true;
  static constexpr bool shows_non_finite = true;

  stat::amia_select select{};

  std::string label() const { return select.label(); }
  needs statistic() const { return needs(select); }

  template <std::floating_point Real>
  TAMP_FN Real operator()(Real weight, float norm) const noexcept {
    return std::fabs(weight) * norm;
  }

  friend bool operator==(const amia&, const amia&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::score
