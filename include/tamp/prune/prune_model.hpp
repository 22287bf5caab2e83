#pragma once

/// @file
/// A whole model, block by block.

#include "../execute/operation.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "calibrate.hpp"
#include "compose.hpp"
#include "detail/arguments.hpp"
#include "detail/model_pruner.hpp"
#include "plan.hpp"
#include "pruning_plan.hpp"
#include "report.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The operation tamp::prune_model.
struct prune_model_operation : detail::operation<prune_model_operation> {
  using detail::operation<prune_model_operation>::operator();

  template <executor E, class Model, class Recipe>
  prune_report operator()(const E& exec, Model& host, const Recipe& recipe,
                          const progress_callback& on_progress = {}) const {
    static_cast<void>(detail::check_model_argument<Model>());
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    auto seen = calibration_for(recipe.allocate);
    if constexpr (detail::needs_statistic<typename Recipe::allocate_policy>) {
      const detail::stopwatch watch;
      prune_report stopped;
      stopped.recipe = recipe.label();
      stopped.cancelled = !calibrate(exec, host, seen, on_progress);
      stopped.calibrate = watch.seconds();
      if (stopped.cancelled) return stopped;
      prune_report report =
          (*this)(exec, host, plan(exec, host, seen, recipe), recipe, on_progress);
      report.calibrate += stopped.calibrate;
      return report;
    } else {
      return (*this)(exec, host, plan(exec, host, recipe), recipe, on_progress);
    }
  }
  template <executor E, class Model, class Recipe>
  prune_report operator()(const E& exec, Model& host, const pruning_plan& plan,
                          const Recipe& recipe, const progress_callback& on_progress = {}) const {
    prune_report report;
    (*this)(exec, host, plan, recipe, report, on_progress);
    return report;
  }
  template <executor E, class Model, class Recipe>
  bool operator()(const E& exec, Model& host, const pruning_plan& plan, const Recipe& recipe,
                  prune_report& report, const progress_callback& on_progress = {}) const {
    static_cast<void>(detail::check_model_argument<Model>());
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    detail::prune_model(detail::any_executor(exec), host, recipe, plan, report, on_progress);
    return !report.cancelled;
  }
};

/// Prunes a model in place, block by block, and reports what was done:
/// prune_model(where, host, plan, recipe, on_progress), of which a plan may be left out.
///
///     const tamp::prune_report report = tamp::prune_model(host, recipe);
///     std::cout << report;
///
/// First, if the allocation looks at the model, a pass through the dense one. Then for each block:
/// gather the statistics that the score needs on the outputs of the blocks already pruned, select
/// and zero the weights of each layer, run the samples on. A layer that saw fewer tokens than
/// plan.fewest_tokens is pruned by magnitude with the same pattern; excluded and tied layers are
/// left alone; the report says so, and counts what is zero in memory afterwards. Without a plan,
/// plan(host, recipe) is followed.
///
/// Blocks that are done when an error stops pruning stay pruned. The error names them.
///
/// The form that is given a report writes down what was done as it goes, so that the report is true
/// also when an exception leaves, of the host or of tamp:
///
///     tamp::prune_report report;
///     tamp::prune_model(host, plan, recipe, report, on_progress);
///
/// A report that lists layers is gone on from: they are left alone, and the samples sent through
/// the blocks that are done. It must be of the same plan. Pruning that stopped between two blocks
/// and went on gives the same bits as one that never stopped; in a block that is done in part, the
/// rest is calibrated on the block as it stands. A layer that was written in part must be restored
/// first. This form returns whether all is done, and it was not stopped by the callback.
///
/// @throws value_error if there is nothing to prune, the score needs statistics and no layer saw a
///         token, any weight of the model is not finite, the plan has a sparsity that the
///         recipe cannot follow, or the host cannot show what the recipe looks at, before anything
///         is written; or if activations turn out not to be finite, before anything of their block
///         is written; or if a repaired weight is too large for its tensor's type of number, before
///         anything of its layer is written; or if a report is of another plan, has an `unfinished`
///         layer, or lists any and the host cannot be rewound, before anything is written
/// @throws shape_error if the plan was made for another model, or a layer saw inputs of another
///         width than its weight's, before anything of its block is written
inline constexpr prune_model_operation prune_model{};

}  // namespace tamp::inline TAMP_FLAGS
