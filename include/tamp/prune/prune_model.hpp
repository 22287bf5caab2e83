#pragma once

/// @file
/// A whole model, block by block.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/block_observer.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../score/magnitude.hpp"
#include "apply.hpp"
#include "calibrate.hpp"
#include "model.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "prune.hpp"
#include "report.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS {

namespace detail {

/// How many of a layer's inputs were always zero, where its statistic can tell.
template <class Statistics>
std::size_t count_dead(const Statistics& statistics) {
  const ieee_arithmetic as_usual;
  const auto& values = [&]() -> decltype(auto) {
    if constexpr (requires { statistics.diagonal(); })
      return statistics.diagonal();
    else
      return column_values(statistics);
  }();
  using value = std::remove_cvref_t<decltype(*values.begin())>;
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), value{0}));
}

/// Refuses a plan that was made for another model, or that the recipe cannot follow.
template <class Recipe, executor E, model Model>
void check_plan(const E& exec, Model& host, const pruning_plan& plan) {
  const pruning_plan own = empty_plan(exec, host, {});
  if (own.layers.size() != plan.layers.size())
    raise<shape_error>("prune: the plan has ", plan.layers.size(), " layers, the model ",
                       own.layers.size());
  for (std::size_t k = 0; k < own.layers.size(); ++k) {
    const planned_layer &mine = own.layers[k], &theirs = plan.layers[k];
    if (mine.name != theirs.name || mine.block != theirs.block || mine.rows != theirs.rows ||
        mine.cols != theirs.cols)
      raise<shape_error>("prune: layer ", k, " of the plan is ", theirs.name, " (", theirs.rows,
                         " x ", theirs.cols, "), that of the model is ", mine.name, " (", mine.rows,
                         " x ", mine.cols, ")");
    if (mine.tied_to != theirs.tied_to)
      raise<value_error>("prune: in the model, ", mine.name, " is tied to ",
                         mine.tied_to.empty() ? "nothing" : mine.tied_to, "; in the plan, to ",
                         theirs.tied_to.empty() ? "nothing" : theirs.tied_to);
    if (!is_sparsity(theirs.sparsity))
      raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ", theirs.sparsity,
                         ", which is not in [0, 1]");
    if (!theirs.is_pruned() && theirs.sparsity != 0)
      raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ", theirs.sparsity,
                         ", but says that it is ", theirs.excluded ? "excluded" : "tied");
    if constexpr (Recipe::sparsity_is_fixed)
      if (theirs.is_pruned() && theirs.sparsity != Recipe::pattern_policy::sparsity)
        raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ",
                           theirs.sparsity, ", the recipe's pattern fixes ",
                           Recipe::pattern_policy::sparsity);
  }
}

template <model Model, class Recipe>
class model_pruner {
 public:
  model_pruner(any_executor exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
               const progress_callback& on_progress)
      : exec_(exec), host_(host), recipe_(recipe), plan_(plan), on_progress_(on_progress) {
    report_.recipe = recipe.label();
    report_.notes = plan.notes;
  }

  prune_report run() {
    check_plan<Recipe>(exec_, host_, plan_);
    if constexpr (calibrated) check_shown<signals_read<statistic>>(host_);
    for_each_layer(host_, [&](auto, auto, std::string_view name, auto&& weight) {
      if constexpr (strided_tensor<decltype(weight)>) check_writable("prune", weight);
      check_finite(exec_, weight, "prune", name);
    });
    if constexpr (calibrated && rewindable_model<Model>) host_.rewind();
    const auto blocks = static_cast<std::size_t>(host_.blocks());
    for (std::size_t block = 0; block < blocks && !report_.cancelled; ++block)
      if (go_on(block, {})) prune_block(block);
    note_counts();
    return report_;
  }

 private:
  static constexpr bool calibrated = needs_statistic<typename Recipe::score_policy>;
  using statistic =
      std::conditional_t<calibrated, needed_statistic_of<typename Recipe::score_policy>,
                         no_statistics>;

  bool go_on(std::size_t block, std::string_view layer) {
    report_.cancelled =
        on_progress_ && !on_progress_({block, static_cast<std::size_t>(host_.blocks()),
                                       report_.layers.size(), plan_.layers.size(), layer, false});
    return !report_.cancelled;
  }

  // What the layers of a block see, each as it is kept (several layers may share one).
  struct block_statistics {
    std::vector<std::tuple<statistic>> kept;
    std::vector<statistic_place> places;
    std::vector<double> seconds;

    const statistic& of(std::size_t layer) const {
      return std::get<0>(kept[places[layer].template of<statistic>(layer)]);
    }
  };

  void prune_block(std::size_t block) {
    const auto first = static_cast<std::ptrdiff_t>(report_.layers.size());
    const auto end = std::find_if(plan_.layers.begin() + first, plan_.layers.end(),
                                  [&](const planned_layer& l) { return l.block != block; });
    const auto layers = static_cast<std::size_t>(end - plan_.layers.begin() - first);
    const bool anything = std::any_of(plan_.layers.begin() + first, end,
                                      [](const planned_layer& l) { return l.is_pruned(); });
    block_statistics seen;
    if constexpr (calibrated)
      if (anything) seen = observe(block, layers);
    std::size_t k = 0;
    host_.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if (!report_.cancelled && go_on(block, name)) {
        const planned_layer& planned = plan_.layers[report_.layers.size()];
        layer_report done = untouched(planned);
        if (planned.is_pruned()) {
          if constexpr (calibrated) {
            prune_layer(done, detail::source(weight), seen.of(k));
            done.observe = seen.seconds[k];
          } else {
            prune_layer(done, detail::source(weight), no_statistics{});
          }
        }
        report_.layers.push_back(std::move(done));
      }
      ++k;
    });
    if constexpr (calibrated) {
      if (!report_.cancelled && block + 1 < static_cast<std::size_t>(host_.blocks())) {
        const stopwatch watch;
        host_.advance(block);
        report_.calibrate += watch.seconds();
      }
    }
  }

  // All layers of a block are checked before the first of them is written.
  block_statistics observe(std::size_t block, std::size_t layers)
    requires calibrated
  {
    const stopwatch watch;
    block_statistics seen;
    seen.kept.resize(layers, std::tuple(statistic_of(recipe_.score)));
    for (std::size_t layer = 0; layer < layers; ++layer)
      seen.places.push_back({input_of(host_, block, layer)});
    block_observer<any_executor, statistic> observer(exec_, seen.kept, seen.places);
    host_.observe_block(block, observer);
    seen.seconds = std::move(observer.seconds);
    report_.calibrate += watch.seconds();
    const planned_layer* layer = plan_.layers.data() + report_.layers.size();
    for (std::size_t k = 0; k < layers; ++k, ++layer)
      if (layer->is_pruned() && seen.of(k).tokens() != 0) check_seen(seen.of(k), *layer);
    return seen;
  }

  static void check_seen(const statistic& seen, const planned_layer& layer) {
    if constexpr (requires { seen.values(); })
      check_statistics(column_values(seen), layer.cols, "prune", layer.name);
    else if (seen.features() != layer.cols)
      raise<shape_error>("prune: the weight of ", layer.name, " has ", layer.cols,
                         " columns, the statistics cover ", seen.features());
  }

  // The pattern may not be able to drop what the plan counts: the rows of a layer share it evenly.
  void note_counts() {
    std::size_t layers = 0, counted = 0, dropped = 0;
    for (const layer_report& layer : report_.layers)
      if (layer.drop && layer.size() - layer.kept < *layer.drop) {
        ++layers;
        counted += *layer.drop;
        dropped += layer.size() - layer.kept;
      }
    if (layers != 0)
      report_.notes.push_back(sentence(label(recipe_.pattern), ": dropped ", dropped, " of the ",
                                       counted, " weights that the plan counts in ", layers,
                                       layers == 1 ? " layer" : " layers"));
  }

  static layer_report untouched(const planned_layer& planned) {
    layer_report done;
    done.name = planned.name;
    done.block = planned.block;
    done.rows = planned.rows;
    done.cols = planned.cols;
    done.kept = done.size();
    done.asked = planned.sparsity;
    done.drop = planned.counted();
    done.excluded = planned.excluded;
    done.tied_to = planned.tied_to;
    return done;
  }

  template <class Weight, class Statistics>
  void prune_layer(layer_report& done, Weight&& weight, const Statistics& seen) {
    const auto here = recipe_.at(done.asked);
    if constexpr (calibrated) {
      done.tokens = seen.tokens();
      done.unseen = seen.tokens() < (std::max<std::uint64_t>)(plan_.fewest_tokens, 1);
      if (done.unseen) {
        const auto blind = recipe{score::magnitude{}, here.allocate, here.pattern};
        return select_and_apply(done, weight, no_statistics{}, blind);
      }
      done.dead_inputs = count_dead(seen);
    }
    if constexpr (repairing_score<typename Recipe::score_policy>)
      repair(done, weight, seen, here);
    else
      select_and_apply(done, weight, seen, here);
  }

  template <class Weight, class Statistics, class Here>
  void select_and_apply(layer_report& done, Weight&& weight, const Statistics& seen,
                        const Here& here) {
    const stopwatch selecting;
    const mask::bitmask keep = select_layer(exec_, "prune", done.name, weight, seen, here);
    done.select = selecting.seconds();
    const stopwatch applying;
    apply_layer(exec_, "prune", done.name, keep, weight);
    done.apply = applying.seconds();
    done.kept = keep.count();
  }

  template <class Weight, class Statistics, class Here>
  void repair(layer_report& done, Weight&& weight, const Statistics& seen, const Here& here) {
    const stopwatch selecting;
    auto repaired = repair_layer(exec_, "prune", done.name, weight, seen, here, done.drop);
    done.select = selecting.seconds();
    const stopwatch applying;
    write_repaired(exec_, "prune", done.name, repaired, weight);
    done.apply = applying.seconds();
    done.kept = repaired.keep.count();
    done.note = std::move(repaired.note);
  }

  any_executor exec_;
  Model& host_;
  const Recipe& recipe_;
  const pruning_plan& plan_;
  const progress_callback& on_progress_;
  prune_report report_;
};

}  // namespace detail

/// Prunes a model in place, block by block, and reports what was done.
///
///     const tamp::prune_report report = tamp::prune(host, recipe);
///     std::cout << report;
///
/// First, if the allocation looks at the model, a pass through the dense one. Then for each block:
/// gather the statistics that the score needs on the outputs of the blocks already pruned, select
/// and zero the weights of each layer, run the samples on. A layer that saw fewer tokens than
/// plan.fewest_tokens is pruned by magnitude with the same pattern; excluded and tied layers are
/// left alone; the report says so. A plan may be given; else plan(host, recipe) is followed. An
/// executor may go first.
///
/// @throws value_error if any weight of the model is not finite, the plan has a sparsity that the
///         recipe cannot follow, or the host cannot show what the recipe looks at, before anything
///         is written; or if activations turn out not to be finite, before anything of their block
///         is written; or if a repaired weight is too large for its tensor's type of number, before
///         anything of its layer is written
/// @throws shape_error if the plan was made for another model, or a layer saw inputs of another
///         width than its weight's, before anything of its block is written
template <executor E, model Model, class Recipe>
prune_report prune(const E& exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
                   const progress_callback& on_progress = {}) {
  return detail::model_pruner(detail::any_executor(exec), host, recipe, plan, on_progress).run();
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
