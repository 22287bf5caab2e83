#pragma once

/// @file
/// A whole model, block by block.

#include "../execute/standard.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "calibrate.hpp"
#include "compose.hpp"
#include "detail/model_pruner.hpp"
#include "plan.hpp"
#include "prune.hpp"
#include "report.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Prunes a model in place, block by block, and reports what was done.
///
///     const tamp::prune_report report = tamp::prune(host, recipe);
///     std::cout << report;
///
/// First, if the allocation looks at the model, a pass through the dense one. Then for each block:
/// gather the statistics that the score needs on the outputs of the blocks already pruned, select
/// and zero the weights of each layer, run the samples on. A layer that saw fewer tokens than
/// plan.fewest_tokens is pruned by magnitude with the same pattern; excluded and tied layers are
/// left alone; the report says so, and counts what is zero in memory afterwards. A plan may be
/// given; else plan(host, recipe) is followed. An executor may go first.
///
/// Blocks that are done when an error stops pruning stay pruned. The error names them; the other
/// form of prune, which is given the report, can go on.
///
/// @throws value_error if there is nothing to prune, the score needs statistics and no layer saw a
///         token, any weight of the model is not finite, the plan has a sparsity that the
///         recipe cannot follow, or the host cannot show what the recipe looks at, before anything
///         is written; or if activations turn out not to be finite, before anything of their block
///         is written; or if a repaired weight is too large for its tensor's type of number, before
///         anything of its layer is written
/// @throws shape_error if the plan was made for another model, or a layer saw inputs of another
///         width than its weight's, before anything of its block is written
template <executor E, model Model, class Recipe>
prune_report prune(const E& exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
                   const progress_callback& on_progress = {}) {
  prune_report report;
  detail::prune_model(detail::any_executor(exec), host, recipe, plan, report, on_progress);
  return report;
}
template <executor E, model Model, class Recipe>
prune_report prune(const E& exec, Model& host, const Recipe& recipe,
                   const progress_callback& on_progress = {}) {
  auto seen = calibration_for(recipe.allocate);
  if constexpr (detail::needs_statistic<typename Recipe::allocate_policy>) {
    const detail::stopwatch watch;
    prune_report stopped;
    stopped.recipe = recipe.label();
    stopped.cancelled = !tamp::calibrate(exec, host, seen, on_progress);
    stopped.calibrate = watch.seconds();
    if (stopped.cancelled) return stopped;
    prune_report report =
        tamp::prune(exec, host, recipe, tamp::plan(exec, host, recipe, seen), on_progress);
    report.calibrate += stopped.calibrate;
    return report;
  } else {
    return tamp::prune(exec, host, recipe, tamp::plan(exec, host, recipe), on_progress);
  }
}

/// Prunes a model as above and writes down what was done as it goes, so that `report` is true also
/// when an exception leaves, of the host or of tamp.
///
///     tamp::prune_report report;
///     tamp::prune(host, recipe, plan, report, on_progress);
///
/// A report that lists layers is gone on from: they are left alone, and the samples sent through
/// the blocks that are done. It must be of the same plan. Pruning that stopped between two blocks
/// and went on gives the same bits as one that never stopped; in a block that is done in part, the
/// rest is calibrated on the block as it stands. A layer that was written in part must be restored
/// first.
/// @returns whether all is done, and it was not stopped by the callback
/// @throws what prune throws; and value_error if the report is of another plan, has an `unfinished`
///         layer, or lists any and the host cannot be rewound, before anything is written
template <executor E, model Model, class Recipe>
bool prune(const E& exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
           prune_report& report, const progress_callback& on_progress = {}) {
  detail::prune_model(detail::any_executor(exec), host, recipe, plan, report, on_progress);
  return !report.cancelled;
}
template <model Model, class Recipe, executor E = execute::standard>
bool prune(Model& host, const Recipe& recipe, const pruning_plan& plan, prune_report& report,
           const progress_callback& on_progress = {}) {
  return tamp::prune(E{}, host, recipe, plan, report, on_progress);
}
template <model Model, class Recipe, executor E = execute::standard>
prune_report prune(Model& host, const Recipe& recipe, const pruning_plan& plan,
                   const progress_callback& on_progress = {}) {
  return tamp::prune(E{}, host, recipe, plan, on_progress);
}
template <model Model, class Recipe, executor E = execute::standard>
prune_report prune(Model& host, const Recipe& recipe, const progress_callback& on_progress = {}) {
  return tamp::prune(E{}, host, recipe, on_progress);
}

}  // namespace tamp::inline TAMP_FLAGS
