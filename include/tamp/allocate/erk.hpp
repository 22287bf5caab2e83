#pragma once

/// @file
/// Erdos-Renyi-Kernel: layers with few weights for their inputs and outputs keep more.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "allocation.hpp"
#include "detail/on_target.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Erdos-Renyi-Kernel: a layer's density follows from its shape alone.
///
/// Use it when the layers have very different shapes and there is no calibration data. It reads
/// neither weights nor statistics. Among layers of one shape it is uniform.
///
///     density(u) = min(1, c * (rows + cols) / (rows * cols)),     W is rows x cols
///
/// with the c for which the mean density over all weights is 1 - sparsity. A unit of several layers
/// has the sum of rows + cols over the sum of rows * cols. A note lists the units that stay dense.
///
/// Source: Evci et al. 2020 (arXiv 1911.11134), section 3, after Mocanu et al. 2018.
struct erk {
  using role = tamp::role::allocate;
  static constexpr granularity unit = granularity::layer;

  double sparsity = 0.5;

  std::string label() const { return detail::sentence("erk ", sparsity); }

  /// Returns one sparsity for each unit, from the sum of rows + cols over each unit's layers.
  /// @throws value_error if the sparsity is not in [0, 1], or a sum is negative or not finite
  /// @throws shape_error unless there are as many sums as sizes
  allocation distribute(std::span<const double> rows_and_cols,
                        std::span<const std::size_t> num_params,
                        std::span<const std::string> names = {}) const {
    const detail::ieee_arithmetic as_usual;
    detail::check_sparsity(sparsity);
    detail::check_unit_values("erk", "number of rows and columns", rows_and_cols, num_params,
                              names);
    // Density times size is c * rows_and_cols, or the size if that is less. Each round increases c
    // for the units that are not dense yet, so that a dense unit stays dense.
    std::vector<bool> is_dense(num_params.size(), false);
    double c = 0;
    for (bool changed = true; changed;) {
      double budget = 0, open = 0;
      for (std::size_t u = 0; u < num_params.size(); ++u) {
        const auto size = static_cast<double>(num_params[u]);
        budget += size * (1 - sparsity) - (is_dense[u] ? size : 0.0);
        if (!is_dense[u] && num_params[u] != 0) open += rows_and_cols[u];
      }
      c = open == 0 ? 0 : budget / open;
      if (open == 0) break;
      changed = false;
      for (std::size_t u = 0; u < num_params.size(); ++u)
        if (!is_dense[u] && num_params[u] != 0 &&
            c * rows_and_cols[u] > static_cast<double>(num_params[u]))
          changed = is_dense[u] = true;
    }
    std::vector<double> sparsities(num_params.size(), sparsity);
    std::vector<std::size_t> dense;
    for (std::size_t u = 0; u < num_params.size(); ++u) {
      if (num_params[u] == 0) continue;
      if (is_dense[u]) dense.push_back(u);
      sparsities[u] =
          is_dense[u] ? 0.0 : 1 - c * rows_and_cols[u] / static_cast<double>(num_params[u]);
    }
    allocation answer = detail::on_target("erk", sparsities, num_params, sparsity, names);
    if (!dense.empty())
      answer.notes.push_back(detail::sentence("erk: kept whole, because of their shape: ",
                                              detail::listed(dense, names)));
    return answer;
  }

  /// Sums rows + cols over the layers of each unit and distributes the sparsity.
  /// @throws value_error if the sparsity is not in [0, 1]
  template <executor E, class Units>
  allocation operator()(const E&, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    std::vector<double> rows_and_cols(units.size(), 0.0);
    for (std::size_t u = 0; u < units.size(); ++u)
      units.visit(u, [&](std::string_view, const auto& weight, const auto&) {
        rows_and_cols[u] += static_cast<double>(weight.rows()) + static_cast<double>(weight.cols());
      });
    return distribute(rows_and_cols, detail::num_params_of(units), detail::names_of(units));
  }

  friend bool operator==(const erk&, const erk&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
