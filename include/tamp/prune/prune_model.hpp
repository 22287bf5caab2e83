#pragma once

/// @file
/// Pruning of a whole model, block by block.

#include <type_traits>
#include <utility>

#include "../execute/operation.hpp"
#include "../model/detail/stopwatch.hpp"
#include "../model/host.hpp"
#include "../model/progress.hpp"
#include "../model/token_weights.hpp"
#include "../model/with_weights.hpp"
#include "calibrate.hpp"
#include "compose.hpp"
#include "detail/arguments.hpp"
#include "detail/measured_weights.hpp"
#include "detail/model_pruner.hpp"
#include "plan.hpp"
#include "pruning_plan.hpp"
#include "report.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The type of tamp::prune_model.
struct prune_model_operation : detail::operation<prune_model_operation> {
  using detail::operation<prune_model_operation>::operator();

  template <executor E, class... Arguments>
  decltype(auto) operator()(const E& exec, Arguments&&... arguments) const {
    return by(exec, std::forward<Arguments>(arguments)...);
  }

  /// The forms of the call. `where` is an executor, or a place of several processes, for which
  /// executor_of and team_of are defined.
  template <class Where, class Model, class Recipe>
  static prune_report by(const Where& where, Model& host, const Recipe& recipe,
                         const progress_callback& on_progress = {}) {
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    static_cast<void>(detail::check_model_argument<Model, reads_samples<Recipe>>());
    if constexpr (detail::needs_statistic<typename Recipe::allocate_policy>) {
      auto seen = calibration_for(recipe.allocate);
      const detail::stopwatch watch;
      prune_report stopped;
      stopped.recipe = recipe.label();
      stopped.cancelled = !calibrate(where, host, seen, on_progress);
      stopped.calibrate = watch.seconds();
      if (stopped.cancelled) return stopped;
      const pruning_plan plan = planned(where, host, seen, recipe);
      prune_report report = by(where, host, plan, recipe, on_progress);
      report.calibrate += stopped.calibrate;
      return report;
    } else {
      return by(where, host, planned(where, host, recipe), recipe, on_progress);
    }
  }
  template <class Where, class Model, class Recipe>
  static prune_report by(const Where& where, Model& host, const pruning_plan& plan,
                         const Recipe& recipe, const progress_callback& on_progress = {}) {
    prune_report report;
    by(where, host, plan, recipe, report, on_progress);
    return report;
  }
  template <class Where, class Model, class Recipe>
  static bool by(const Where& where, Model& host, const pruning_plan& plan, const Recipe& recipe,
                 prune_report& report, const progress_callback& on_progress = {}) {
    return run(where, host, detail::no_calibration{}, plan, recipe, report, on_progress);
  }

  template <class Where, class Model, class... Statistics, class Recipe>
  static prune_report by(const Where& where, Model& host, const calibration<Statistics...>& seen,
                         const Recipe& recipe, const progress_callback& on_progress = {}) {
    return by(where, host, seen, planned(where, host, seen, recipe), recipe, on_progress);
  }
  template <class Where, class Model, class... Statistics, class Recipe>
  static prune_report by(const Where& where, Model& host, const calibration<Statistics...>& seen,
                         const pruning_plan& plan, const Recipe& recipe,
                         const progress_callback& on_progress = {}) {
    prune_report report;
    by(where, host, seen, plan, recipe, report, on_progress);
    return report;
  }
  template <class Where, class Model, class... Statistics, class Recipe>
  static bool by(const Where& where, Model& host, const calibration<Statistics...>& seen,
                 const pruning_plan& plan, const Recipe& recipe, prune_report& report,
                 const progress_callback& on_progress = {}) {
    using needed = detail::needed_statistic_of<typename Recipe::score_policy>;
    static_assert(std::is_void_v<needed> || (std::is_same_v<needed, Statistics> || ...),
                  "this calibration does not have what the recipe's score needs: make it with "
                  "tamp::calibration_for(the score) or tamp::calibration_from");
    if (!seen.complete())
      detail::raise<value_error>("prune: the calibration has seen ", seen.blocks_done(), " of ",
                                 seen.blocks(), " blocks");
    return run(where, host, seen, plan, recipe, report, on_progress);
  }

 private:
  template <class Recipe>
  static constexpr bool reads_samples = detail::needs_statistic<typename Recipe::score_policy> ||
                                        detail::needs_statistic<typename Recipe::allocate_policy>;

  // Measures the weights of the samples' tokens, which must be done on the dense model.
  template <class Where, class Model, class Recipe>
  static bool measure_weights(const Where& where, Model& host, const Recipe& recipe,
                              const prune_report& report, token_weights& weights,
                              const progress_callback& on_progress) {
    using detail::executor_of, detail::team_of;
    const auto team = team_of(where);
    bool is_done = false;
    team.collectively([&] {
      team.together([&] {
        if (!report.layers.empty())
          detail::raise<value_error>(
              "prune: ", tamp::label(recipe.score), " weighs tokens by the dense model, and ",
              report.layers.size(), report.layers.size() == 1 ? " layer is" : " layers are",
              " pruned already: measure and save the weights before, and go on with "
              "tamp::with_weights(host, weights)");
        is_done = detail::measured_weighting(detail::statistic_of(recipe.score))
                      .measure(executor_of(where), host, weights, on_progress);
      });
      is_done = team.all(is_done);
    });
    return is_done;
  }

  template <class Where, class... Arguments>
  static pruning_plan planned(const Where& where, Arguments&... arguments) {
    using detail::executor_of, detail::team_of;
    pruning_plan made;
    team_of(where).together([&] { made = plan(executor_of(where), arguments...); });
    return made;
  }

  template <class Where, class Model, class Calibration, class Recipe>
  static bool run(const Where& where, Model& host, const Calibration& seen,
                  const pruning_plan& plan, const Recipe& recipe, prune_report& report,
                  const progress_callback& on_progress) {
    constexpr bool observes = std::is_same_v<Calibration, detail::no_calibration> &&
                              detail::needs_statistic<typename Recipe::score_policy>;
    static_cast<void>(detail::check_recipe_argument<Recipe>());
    static_cast<void>(detail::check_model_argument<Model, observes>());
    using detail::executor_of, detail::team_of;
    const auto team = team_of(where);
    const auto prune = [&](auto& shown) {
      team.collectively([&] {
        detail::prune_model(detail::any_executor(executor_of(where)), shown, seen, plan, recipe,
                            report, on_progress, team);
      });
      return !report.cancelled;
    };
    if constexpr (observes) {
      token_weights weights;
      const auto measure = [&](auto& unweighed) -> const token_weights* {
        const detail::stopwatch watch;
        report.cancelled = !measure_weights(where, unweighed, recipe, report, weights, on_progress);
        report.calibrate += watch.seconds();
        if (!report.cancelled) return &weights;
        report.recipe = recipe.label();
        return nullptr;
      };
      return detail::with_measured_weights<
          detail::needed_statistic_of<typename Recipe::score_policy>>(host, measure, prune);
    } else {
      return prune(host);
    }
  }
};

/// Prunes a model in place, block by block, and returns a report: prune_model(where, host, seen,
/// plan, recipe, on_progress). The calibration `seen` and the plan may be left out.
///
///     const tamp::prune_report report = tamp::prune_model(host, recipe);
///     std::cout << report;
///
/// If the allocation reads the model, a pass through the dense model comes first. Then, for each
/// block, prune_model gathers the statistics that the score needs on the outputs of the blocks
/// already pruned, selects and zeroes the weights of each layer, and runs the samples on. A layer
/// that saw fewer tokens than plan.fewest_tokens is pruned by magnitude with the same pattern.
/// Excluded and tied layers are left alone. The report says so, and counts the zeros in memory
/// afterwards. Without a plan, plan(host, recipe) is followed.
///
/// Weights of tokens that the score's statistic takes from whole samples (stat::reach) are measured
/// on the dense model before anything is pruned. To continue a pruning that was stopped, give them
/// to the host (with_weights).
///
/// With a calibration, of the dense model or from elsewhere (calibration_from), the score takes its
/// statistics from there, and no sample is sent through the model.
///
/// If an error stops pruning, finished blocks stay pruned, and the error names their layers.
///
/// The form with a report updates it as it goes, so that the report is valid also when an exception
/// of the host or of tamp leaves:
///
///     tamp::prune_report report;
///     tamp::prune_model(host, plan, recipe, report, on_progress);
///
/// If the report lists layers, pruning continues after them: they are left alone, and the samples
/// are sent through the finished blocks. The report must belong to the same plan. Pruning that
/// stops between two blocks and continues gives the same bits as pruning that never stops. In a
/// block that is finished in part, the other layers are calibrated on the block in its current
/// state. A layer that was written in part must be restored first. This form returns true if all
/// layers are done, and false if the callback stopped it.
///
/// @throws value_error before anything is written, if there is nothing to prune, the score needs
///         statistics and no layer saw a token, any weight of the model is not finite, the plan has
///         a sparsity that the recipe cannot follow, the host cannot show what the recipe reads, or
///         if a report belongs to another plan, has an `unfinished` layer, or lists layers and the
///         host cannot be rewound
/// @throws value_error before anything of a block is written, if activations of the block are not
///         finite
/// @throws value_error before anything of a layer is written, if a repaired weight is too large for
///         its tensor's type of number
/// @throws shape_error if the plan was made for another model, or if a layer saw inputs of another
///         width than its weight's, before anything of its block is written
inline constexpr prune_model_operation prune_model{};

}  // namespace tamp::inline TAMP_FLAGS
