#pragma once

/// @file
/// A whole model, block by block.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../score/magnitude.hpp"
#include "apply.hpp"
#include "model.hpp"
#include "plan.hpp"
#include "prune.hpp"
#include "report.hpp"
#include "select.hpp"

namespace tamp {

/// Where pruning a model stands. `layer` is empty while a block is calibrated.
struct progress {
  std::size_t block = 0, blocks = 0;
  std::size_t layers_done = 0, layers = 0;
  std::string_view layer;
};

/// Told before each block is calibrated and before each layer is pruned; returns whether to go on.
using progress_callback = std::function<bool(const progress&)>;

namespace detail {

class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Gathers one statistic for each layer of a block.
template <executor E, class Statistic>
class block_observer {
 public:
  block_observer(const E& exec, std::size_t layers)
      : statistics(layers), seconds(layers, 0.0), exec_(exec) {}

  /// Layer `layer` of the block saw X, (tokens, in_features), in one sample.
  template <tensor X>
  void input(std::size_t layer, const X& activations) {
    if (layer >= statistics.size())
      raise<shape_error>("observe: the host reports an input of layer ", layer,
                         " in a block that has ", statistics.size());
    const stopwatch watch;
    statistics[layer].add(exec_, activations);
    seconds[layer] += watch.seconds();
  }

  std::vector<Statistic> statistics;
  std::vector<double> seconds;

 private:
  const E& exec_;
};

template <class Statistics>
std::size_t count_dead(const Statistics& statistics) {
  const auto& values = column_values(statistics);
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0f));
}

/// Refuses a plan that was made for another model, or that the recipe cannot follow.
template <class Recipe, model Model>
void check_plan(Model& host, const pruning_plan& plan) {
  const pruning_plan own = empty_plan(host);
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
    if (!is_sparsity(theirs.sparsity))
      raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ", theirs.sparsity,
                         ", which is not in [0, 1]");
    if constexpr (Recipe::sparsity_is_fixed)
      if (theirs.sparsity != Recipe::pattern_policy::sparsity)
        raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ",
                           theirs.sparsity, ", the recipe's pattern fixes ",
                           Recipe::pattern_policy::sparsity);
  }
}

template <executor E, model Model, class Recipe>
class model_pruner {
 public:
  model_pruner(const E& exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
               const progress_callback& on_progress)
      : exec_(exec), host_(host), recipe_(recipe), plan_(plan), on_progress_(on_progress) {
    report_.recipe = recipe.label();
  }

  prune_report run() {
    check_plan<Recipe>(host_, plan_);
    for_each_layer(host_, [&](auto, auto, std::string_view name, auto&& weight) {
      if constexpr (strided_tensor<decltype(weight)>) check_writable("prune", weight);
      check_finite(exec_, weight, "prune", name);
    });
    const auto blocks = static_cast<std::size_t>(host_.blocks());
    for (std::size_t block = 0; block < blocks && !report_.cancelled; ++block)
      if (go_on(block, {})) prune_block(block);
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
                                       report_.layers.size(), plan_.layers.size(), layer});
    return !report_.cancelled;
  }

  void prune_block(std::size_t block) {
    const auto in_block = [&](const planned_layer& layer) { return layer.block == block; };
    const auto layers =
        static_cast<std::size_t>(std::count_if(plan_.layers.begin(), plan_.layers.end(), in_block));
    std::vector<statistic> statistics(layers);
    std::vector<double> seconds(layers, 0.0);
    if constexpr (calibrated) {
      const stopwatch watch;
      block_observer<E, statistic> observer(exec_, layers);
      host_.observe_block(block, observer);
      statistics = std::move(observer.statistics);
      seconds = std::move(observer.seconds);
      report_.calibrate += watch.seconds();
      check_observed(statistics);
    }
    std::size_t k = 0;
    host_.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if (!report_.cancelled && go_on(block, name)) {
        layer_report done = prune_layer(name, detail::source(weight), statistics[k]);
        done.block = block;
        done.observe = seconds[k];
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
  void check_observed(const std::vector<statistic>& statistics) const {
    const planned_layer* layer = plan_.layers.data() + report_.layers.size();
    for (const statistic& seen : statistics) {
      if (seen.tokens() != 0)
        check_statistics(column_values(seen), layer->cols, "prune", layer->name);
      ++layer;
    }
  }

  template <class Weight>
  layer_report prune_layer(std::string_view name, Weight&& weight, const statistic& seen) {
    layer_report done;
    done.name = name;
    done.rows = static_cast<std::size_t>(weight.rows());
    done.cols = static_cast<std::size_t>(weight.cols());
    done.asked = plan_.layers[report_.layers.size()].sparsity;
    const auto here = recipe_.at(done.asked);
    stopwatch selecting;
    mask::bitmask keep;
    if constexpr (calibrated) {
      done.unseen = seen.tokens() == 0;
      if (done.unseen) {
        const auto blind = recipe{score::magnitude{}, here.allocate, here.pattern};
        keep = select_layer(exec_, "prune", name, weight, no_statistics{}, blind);
      } else {
        done.dead_inputs = count_dead(seen);
        keep = select_layer(exec_, "prune", name, weight, seen, here);
      }
    } else {
      keep = select_layer(exec_, "prune", name, weight, seen, here);
    }
    done.select = selecting.seconds();
    const stopwatch applying;
    tamp::apply(exec_, keep, weight);
    done.apply = applying.seconds();
    done.kept = keep.count();
    return done;
  }

  const E& exec_;
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
/// For each block: gather the statistics that the recipe needs on the outputs of the blocks already
/// pruned, select and zero the weights of each layer, run the samples on. A layer that saw no
/// token is pruned by magnitude with the same pattern, and the report says so. A plan may be
/// given; else plan(host, recipe) is followed. An executor may go first.
///
/// @throws value_error if any weight of the model is not finite or the plan has a sparsity that the
///         recipe cannot follow, before anything is written, or if activations turn out not to be
///         finite, before anything of their block is written
/// @throws shape_error if the plan was made for another model, or a layer saw inputs of another
///         width than its weight's, before anything of its block is written
template <executor E, model Model, class Recipe>
prune_report prune(const E& exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
                   const progress_callback& on_progress = {}) {
  return detail::model_pruner(exec, host, recipe, plan, on_progress).run();
}
template <executor E, model Model, class Recipe>
prune_report prune(const E& exec, Model& host, const Recipe& recipe,
                   const progress_callback& on_progress = {}) {
  return tamp::prune(exec, host, recipe, tamp::plan(host, recipe), on_progress);
}
template <model Model, class Recipe, executor E = execute::standard>
prune_report prune(Model& host, const Recipe& recipe, const pruning_plan& plan,
                   const progress_callback& on_progress = {}) {
  return tamp::prune(E{}, host, recipe, plan, on_progress);
}
template <model Model, class Recipe, executor E = execute::standard>
prune_report prune(Model& host, const Recipe& recipe, const progress_callback& on_progress = {}) {
  return tamp::prune(E{}, host, recipe, tamp::plan(host, recipe), on_progress);
}

}  // namespace tamp
