#pragma once

/// @file
/// Block influence: blocks that change the residual stream more keep more.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../stat/hidden_change.hpp"
#include "allocation.hpp"
#include "detail/measured_units.hpp"
#include "detail/on_target.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Block influence: a block keeps more weights if it turns the residual stream further.
///
/// Use it when the host can show the residual stream but not the outputs of layers, or to prune the
/// redundant deep blocks of a large model more than the others. It reads no weight.
///
///     density(u) = 1 - sparsity + 2 lambda * (scaled(u) - mean of scaled),
///     scaled(u)  = (influence(u) - min) / (max - min)
///
/// with the influence of stat::hidden_change. The mean is over weights. Densities outside [0, 1]
/// are clipped and the others shifted so that the mean stays on target. Equal influences give every
/// unit the same density. A unit with layers of several blocks has their mean influence over
/// weights. A unit that saw no token gets the mean influence of the others, and a note says so.
///
/// Source: the influence of Men et al. 2024, ShortGPT (arXiv 2403.03853), which removes whole
/// blocks; the scaling of Yin et al. 2024 (arXiv 2310.05175).
/// @see allocate::owl, which scales the share of outliers in the same way
struct block_influence {
  using role = tamp::role::allocate;
  using needs = stat::hidden_change;
  static constexpr granularity unit = granularity::block;

  double sparsity = 0.5;
  double lambda = 0.08;  ///< half the width of the interval of densities

  std::string label() const { return detail::sentence("block_influence ", sparsity, ' ', lambda); }

  /// Returns one sparsity for each unit, from one influence for each unit.
  /// @throws value_error if a parameter is out of range or an influence is negative or not finite
  /// @throws shape_error unless there are as many influences as sizes
  allocation distribute(std::span<const double> influence, std::span<const std::size_t> num_params,
                        std::span<const std::string> names = {}) const {
    const detail::ieee_arithmetic as_usual;
    detail::check_sparsity(sparsity);
    if (!detail::is_fraction(lambda))
      detail::raise<value_error>("block_influence: lambda lies in [0, 1], and is ", lambda);
    return detail::spread_density("block_influence", "influence", influence, num_params, 2 * lambda,
                                  sparsity, names);
  }

  /// Measures the units and distributes the sparsity.
  /// @throws value_error if a parameter is out of range, or no unit saw any token
  template <executor E, class Units>
  allocation operator()(const E&, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    return detail::allocation_by(
        "block_influence", "influence", units, true,
        [&](std::size_t u, double& influence, std::vector<std::string>& notes) {
          return detail::mean_over_layers(
              "block_influence", "influence", units, u,
              [](const auto& seen) { return seen.influence(); }, influence, notes);
        },
        [&](auto values, auto num_params, auto names) {
          return distribute(values, num_params, names);
        });
  }

  friend bool operator==(const block_influence&, const block_influence&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
