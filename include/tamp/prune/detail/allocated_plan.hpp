#pragma once

/// @file
/// The plan that follows from an allocation.

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../allocate/allocation.hpp"
#include "../../allocate/concepts.hpp"
#include "../../detail/drop_count.hpp"
#include "../../detail/ieee_arithmetic.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../model/host.hpp"
#include "../../score/detail/column_statistics.hpp"
#include "../../score/detail/score_forms.hpp"
#include "../compose.hpp"
#include "../plan_options.hpp"
#include "../pruning_plan.hpp"
#include "allocation_units.hpp"
#include "empty_plan.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Applies a recipe's allocation to a model's units: the simple form to their sizes, the wide form
/// to the units themselves.
template <executor E, class Allocate, class Units>
allocate::allocation allocation_of(const E& exec, const Allocate& allocate, const Units& units) {
  const ieee_arithmetic as_usual;
  allocate::allocation answer;
  if constexpr (allocate::by_size<Allocate>)
    answer.sparsities = allocate(std::span<const std::size_t>(units.num_params()));
  else
    answer = allocate(exec, units);
  check_sparsities(answer.sparsities, units.size(), "unit");
  check_drops(answer.drops, units.num_params());
  return answer;
}

/// Gives the layers of a unit their sparsities. A number of weights is split among the layers by
/// size, so that their sum is exact.
template <class Units>
void give(const allocate::allocation& answer, const Units& units, std::size_t unit,
          std::vector<planned_layer>& layers) {
  std::size_t before = 0;
  for (const std::size_t k : units.layers(unit)) {
    planned_layer& layer = layers[k];
    layer.sparsity = answer.sparsities[unit];
    if (answer.drops.empty()) continue;
    const auto up_to = [&](std::size_t part) {
      return proportion(answer.drops[unit], part, units.num_params(unit));
    };
    layer.drop = up_to(before + layer.size()) - up_to(before);
    before += layer.size();
    layer.sparsity = sparsity_that_drops(*layer.drop, layer.size(), layer.rows, layer.sparsity);
  }
}

template <class Allocate>
constexpr granularity own_granularity() {
  if constexpr (requires { Allocate::unit; })
    return Allocate::unit;
  else
    return granularity::layer;
}

template <executor E, layered_model Model, class Recipe, class Calibration>
pruning_plan plan_from(const E& exec, Model& host, const Recipe& recipe, const Calibration& seen,
                       const plan_options& options) {
  const ieee_arithmetic as_usual;
  pruning_plan plan = empty_plan(exec, host, options);
  plan.recipe = recipe.label();
  check_anything_to_prune("plan", plan, block_count(host), options.exclude);
  if constexpr (Recipe::sparsity_is_fixed) {
    for (planned_layer& layer : plan.layers)
      if (layer.is_pruned()) layer.sparsity = Recipe::pattern_policy::sparsity;
  } else {
    using allocate_policy = typename Recipe::allocate_policy;
    using statistic = std::conditional_t<needs_statistic<allocate_policy>,
                                         needed_statistic_of<allocate_policy>, no_statistics>;
    const granularity unit = options.unit.value_or(own_granularity<allocate_policy>());
    if (unit == granularity::group && options.groups.empty())
      raise<value_error>("plan: one sparsity a group needs patterns in plan_options::groups");
    const allocation_units<Model, Calibration, statistic> units(host, plan, unit, options.groups,
                                                                seen);
    allocate::allocation answer = allocation_of(exec, recipe.allocate, units);
    for (std::size_t u = 0; u < units.size(); ++u) give(answer, units, u, plan.layers);
    plan.notes = std::move(answer.notes);
  }
  return plan;
}

/// The calibration of a recipe that needs none.
struct no_calibration {};

}  // namespace tamp::inline TAMP_FLAGS::detail
