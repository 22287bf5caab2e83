#pragma once

/// @file
/// A recipe resolved to one sparsity a layer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../allocate/allocation.hpp"
#include "../detail/glob.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../execute/standard.hpp"
#include "../model/host.hpp"
#include "../tensor/rows.hpp"
#include "calibrate.hpp"
#include "compose.hpp"
#include "detail/allocation_units.hpp"
#include "pruning_plan.hpp"
#include "usual_exclusions.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What a plan leaves out, and what it gives one sparsity to. Names are compared with patterns in
/// which * stands for any text and ? for any character.
struct plan_options {
  /// Layers that stay dense: by default embeddings, heads, norms, routers and tables of biases, as
  /// Hugging Face and GGUF name them.
  std::vector<std::string> exclude = usual_exclusions();
  /// One sparsity a layer, a block or a group; if empty, what the allocation itself is made for.
  std::optional<granularity> unit;
  /// For granularity::group: a pattern for each group, the first that fits a layer. A layer that
  /// fits none is a group of its own.
  std::vector<std::string> groups;
  /// See pruning_plan::fewest_tokens.
  std::size_t fewest_tokens = 1;
};

namespace detail {

inline bool fits_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, name); });
}

/// Marks layers whose weight is that of an earlier one: the same address, shape and numbers. (The
/// address alone would not do: a host may load its layers into one buffer, one after another.) A
/// weight stays dense if any of its names is excluded.
template <executor E, model Model>
void mark_tied(const E& exec, Model& host, std::vector<planned_layer>& layers) {
  std::map<const void*, std::vector<std::size_t>> at_address;
  for_each_layer(host, [&](std::size_t k, auto, auto, auto&& weight) {
    if constexpr (requires { weight.row_stride(); })
      if (weight.size() != 0) at_address[weight.data()].push_back(k);
  });
  std::map<std::size_t, const void*> candidates;
  for (const auto& [address, group] : at_address)
    for (const std::size_t k : group)
      if (group.size() > 1) candidates[k] = address;
  if (candidates.empty()) return;
  std::map<std::pair<const void*, std::uint64_t>, std::size_t> known;
  for_each_layer(host, [&](std::size_t k, auto, auto, auto&& weight) {
    if (const auto candidate = candidates.find(k); candidate != candidates.end()) {
      const std::uint64_t numbers = fingerprint().add(exec, weight).value();
      const auto [first, is_new] = known.emplace(std::pair(candidate->second, numbers), k);
      if (is_new) return;
      planned_layer& earlier = layers[first->second];
      layers[k].tied_to = earlier.name;
      earlier.excluded = earlier.excluded || layers[k].excluded;
    }
  });
}

/// The layers of a model, and which of them are excluded or tied.
template <executor E, model Model>
pruning_plan empty_plan(const E& exec, Model& host, const plan_options& options) {
  pruning_plan plan;
  plan.fewest_tokens = options.fewest_tokens;
  for_each_layer(host, [&](auto, std::size_t block, std::string_view name, auto&& weight) {
    plan.layers.push_back({std::string(name),
                           block,
                           static_cast<std::size_t>(weight.rows()),
                           static_cast<std::size_t>(weight.cols()),
                           0.0,
                           fits_any(options.exclude, name),
                           {}});
  });
  mark_tied(exec, host, plan.layers);
  return plan;
}

/// The names of some layers, for a sentence: "0.up, 0.down and 5 more".
inline std::string first_names(std::span<const planned_layer> layers) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t k = 0; k < (std::min)(most, layers.size()); ++k)
    text += sentence(k == 0 ? "" : ", ", layers[k].name);
  return layers.size() <= most ? text : sentence(text, " and ", layers.size() - most, " more");
}

/// Refuses a plan that leaves nothing to prune, which could not reach any sparsity. `patterns` are
/// those that excluded layers; without them it was the plan.
/// @throws value_error that says what there is instead
inline void check_anything_to_prune(std::string_view operation, const pruning_plan& plan,
                                    std::size_t blocks,
                                    std::span<const std::string> patterns = {}) {
  const std::size_t layers = plan.layers.size();
  if (layers == 0)
    raise<value_error>(operation, ": there is nothing to prune: the host shows ", blocks,
                       blocks == 1 ? " block" : " blocks", " and no layer");
  if (std::none_of(plan.layers.begin(), plan.layers.end(),
                   [](const planned_layer& layer) { return layer.is_pruned(); })) {
    std::string hits;
    for (const std::string& pattern : patterns) {
      const auto hit = std::count_if(
          plan.layers.begin(), plan.layers.end(),
          [&](const planned_layer& layer) { return glob_match(pattern, layer.name); });
      if (hit != 0) hits += sentence(hits.empty() ? "" : ", ", '"', pattern, "\" (", hit, ')');
    }
    raise<value_error>(operation, ": there is nothing to prune: all of ", layers, " layers (",
                       first_names(plan.layers), ") are excluded",
                       hits.empty() ? std::string(" or tied") : " by " + hits);
  }
  if (std::none_of(plan.layers.begin(), plan.layers.end(), [](const planned_layer& layer) {
        return layer.is_pruned() && layer.size() != 0;
      }))
    raise<value_error>(operation, ": there is nothing to prune: none of ", layers,
                       " layers has any weights");
}

/// What a recipe's allocation makes of a model's units: the simple form is given their sizes, the
/// wide one the units themselves.
template <executor E, class Allocate, class Units>
allocate::allocation allocation_of(const E& exec, const Allocate& allocate, const Units& units) {
  const ieee_arithmetic as_usual;
  allocate::allocation answer;
  if constexpr (simple_allocation<Allocate>)
    answer.sparsities = allocate(std::span<const std::size_t>(units.num_params()));
  else
    answer = allocate(exec, units);
  check_sparsities(answer.sparsities, units.size(), "unit");
  check_drops(answer.drops, units.num_params());
  return answer;
}

/// Gives the layers of a unit what it was allocated. A number of weights is split among them by
/// size, so that they lose it together, to the weight.
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

template <executor E, model Model, class Recipe, class Calibration>
pruning_plan plan_from(const E& exec, Model& host, const Recipe& recipe, const Calibration& seen,
                       const plan_options& options) {
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

/// Stands where nothing was calibrated because nothing was needed.
struct no_calibration {};

}  // namespace detail

/// Decides how much each layer of a model loses. The model is only read.
///
///     tamp::pruning_plan plan = tamp::plan(host, recipe);
///     std::cout << plan;
///
/// An allocation that compares layers by their statistics is given those of the dense model: of
/// `seen`, or of a pass that is made here. Excluded layers and tied ones (a second name for the
/// same weight) get the sparsity 0 and do not count towards the target. An executor may go first.
///
/// @throws value_error if there is nothing to prune, naming what excludes it, if the allocation
///         gives a sparsity outside [0, 1], if `seen` is not
/// complete,
///         if the host cannot show what the allocation looks at, or if the callback stops the pass
/// @throws shape_error if the allocation does not give one sparsity for each unit, or `seen` covers
///         another number of layers
template <executor E, model Model, class Recipe, class... Statistics>
[[nodiscard]] pruning_plan plan(const E& exec, Model& host, const Recipe& recipe,
                                const calibration<Statistics...>& seen,
                                const plan_options& options = {}) {
  using needed = detail::needed_statistic_of<typename Recipe::allocate_policy>;
  static_assert(std::is_void_v<needed> || (std::is_same_v<needed, Statistics> || ...),
                "this calibration does not have what the recipe's allocation needs: make it with "
                "tamp::calibration_for(the allocation)");
  if (!seen.complete())
    detail::raise<value_error>("plan: the calibration has seen ", seen.blocks_done(), " of ",
                               seen.blocks(), " blocks");
  std::size_t layers = 0;
  detail::for_each_layer(host, [&](auto&&...) { ++layers; });
  if (layers != seen.layers())
    detail::raise<shape_error>("plan: the calibration covers ", seen.layers(),
                               " layers, the model has ", layers);
  return detail::plan_from(detail::any_executor(exec), host, recipe, seen, options);
}
template <executor E, model Model, class Recipe>
[[nodiscard]] pruning_plan plan(const E& exec, Model& host, const Recipe& recipe,
                                const plan_options& options = {},
                                const progress_callback& on_progress = {}) {
  if constexpr (detail::needs_statistic<typename Recipe::allocate_policy>) {
    auto seen = calibration_for(recipe.allocate);
    if (!tamp::calibrate(exec, host, seen, on_progress))
      detail::raise<value_error>("plan: stopped after ", seen.blocks_done(), " of ", seen.blocks(),
                                 " blocks");
    return detail::plan_from(detail::any_executor(exec), host, recipe, seen, options);
  } else {
    return detail::plan_from(detail::any_executor(exec), host, recipe, detail::no_calibration{},
                             options);
  }
}
template <model Model, class Recipe, class... Statistics, executor E = execute::standard>
[[nodiscard]] pruning_plan plan(Model& host, const Recipe& recipe,
                                const calibration<Statistics...>& seen,
                                const plan_options& options = {}) {
  return tamp::plan(E{}, host, recipe, seen, options);
}
template <model Model, class Recipe, executor E = execute::standard>
[[nodiscard]] pruning_plan plan(Model& host, const Recipe& recipe, const plan_options& options = {},
                                const progress_callback& on_progress = {}) {
  return tamp::plan(E{}, host, recipe, options, on_progress);
}

}  // namespace tamp::inline TAMP_FLAGS
