#pragma once

/// @file
/// The resolution of a recipe to one sparsity for each layer.

#include <cstddef>
#include <type_traits>

#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../model/host.hpp"
#include "calibrate.hpp"
#include "detail/allocated_plan.hpp"
#include "detail/arguments.hpp"
#include "plan_options.hpp"
#include "pruning_plan.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The type of tamp::plan.
struct plan_operation : detail::operation<plan_operation, plan_options> {
  using detail::operation<plan_operation, plan_options>::operator();

  template <executor E, class Model, class... Statistics, class Recipe>
  [[nodiscard]] pruning_plan operator()(const E& exec, Model& host,
                                        const calibration<Statistics...>& seen,
                                        const Recipe& recipe,
                                        const plan_options& options = {}) const {
    static_cast<void>(detail::check_model_argument<Model, false>());
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    using needed = detail::needed_statistic_of<typename Recipe::allocate_policy>;
    static_assert(std::is_void_v<needed> || (std::is_same_v<needed, Statistics> || ...),
                  "this calibration does not have what the recipe's allocation needs: make it with "
                  "tamp::calibration_for(the allocation)");
    if (!seen.complete())
      detail::raise<value_error>("plan: the calibration has seen ", seen.blocks_done(), " of ",
                                 seen.blocks(), " blocks");
    std::size_t layers = 0;
    detail::for_each_shape(host, [&](auto&&...) { ++layers; });
    if (layers != seen.layers())
      detail::raise<shape_error>("plan: the calibration covers ", seen.layers(),
                                 " layers, the model has ", layers);
    return detail::plan_from(detail::any_executor(exec), host, recipe, seen, options);
  }
  template <executor E, class Model, class Recipe, class... Statistics>
  void operator()(const E&, Model&, const Recipe&, const calibration<Statistics...>&,
                  const plan_options& = {}) const {
    static_assert(!layered_model<Model>,
                  "plan(host, seen, recipe): the calibration comes before the recipe");
  }
  template <executor E, class Model, class Recipe>
  [[nodiscard]] pruning_plan operator()(const E& exec, Model& host, const Recipe& recipe,
                                        const plan_options& options = {},
                                        const progress_callback& on_progress = {}) const {
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    static_cast<void>(
        detail::check_model_argument<Model,
                                     detail::needs_statistic<typename Recipe::allocate_policy>>());
    if constexpr (detail::needs_statistic<typename Recipe::allocate_policy>) {
      auto seen = calibration_for(recipe.allocate);
      if (!calibrate(exec, host, seen, on_progress))
        detail::raise<value_error>("plan: stopped after ", seen.blocks_done(), " of ",
                                   seen.blocks(), " blocks");
      return detail::plan_from(detail::any_executor(exec), host, recipe, seen, options);
    } else {
      return detail::plan_from(detail::any_executor(exec), host, recipe, detail::no_calibration{},
                               options);
    }
  }
};

/// Decides how much each layer of a model loses: plan(where, host, seen, recipe, options) or
/// plan(where, host, recipe, options, on_progress). The model is only read.
///
///     tamp::pruning_plan plan = tamp::plan(host, recipe);
///     std::cout << plan;
///
/// An allocation that compares layers by their statistics reads those of the dense model: from
/// `seen`, or from a pass that is made here. Excluded layers and tied ones (a second name for the
/// same weight) get the sparsity 0 and do not count towards the target.
///
/// @throws value_error if there is nothing to prune, naming the patterns that exclude layers, if
///         the allocation gives a sparsity outside [0, 1], if `seen` is not complete, if the host
///         cannot show what the allocation reads, or if the callback stops the pass
/// @throws shape_error if the allocation does not give one sparsity for each unit, or if `seen`
///         covers another number of layers
inline constexpr plan_operation plan{};

}  // namespace tamp::inline TAMP_FLAGS
