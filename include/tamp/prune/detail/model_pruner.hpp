#pragma once

/// @file
/// The loop that prunes a model block by block.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../model/detail/block_observer.hpp"
#include "../../model/detail/stopwatch.hpp"
#include "../../model/host.hpp"
#include "../calibrate.hpp"
#include "../plan.hpp"
#include "layer_pruner.hpp"
#include "running_report.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses the k-th weight of a block if the host's shapes, of which the plan was made, were others.
template <class Weight>
void check_planned(std::span<const planned_layer> layers, std::size_t k, std::string_view name,
                   const Weight& weight) {
  if (k >= layers.size())
    raise<shape_error>("prune: the host shows ", name, ", after the ", layers.size(),
                       " layers of its block");
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  if (rows != layers[k].rows || cols != layers[k].cols)
    raise<shape_error>("prune: the host shows ", name, " of ", rows, " x ", cols,
                       ", and said before that it is ", layers[k].rows, " x ", layers[k].cols);
}

/// Refuses weights that cannot be pruned in place, that are not finite, or that the plan does not have.
template <layered_model Model>
void check_weights(const any_executor& exec, Model& host, const running_report& report) {
  for (std::size_t block = 0; block < block_count(host); ++block) {
    std::size_t k = 0;
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if constexpr (check_visited<decltype(weight)>())
        with_target(weight, [&](auto& target) {
          require_prunable_rows<decltype(target)>();
          check_planned(report.layers_of(block), k++, name, target);
          if constexpr (viewable<decltype(target)>) check_writable("prune", target);
          check_finite(exec, target, "prune", name);
        });
    });
  }
}

/// Calls use(k, name, weight) for the layers of a block, and tells the host when each is done.
template <layered_model Model, class Use>
void for_layers_of_block(Model& host, std::size_t block, const Use& use) {
  std::size_t k = 0;
  host.visit_layers(block, [&](std::string_view name, auto&& weight) {
    if constexpr (check_visited<decltype(weight)>()) {
      if (with_target(weight, [&](auto& target) { return use(k, name, target); }))
        finish_layer(host, block, k);
      ++k;
    }
  });
}

/// The statistics of a block's layers. Layers with the same input may share one.
template <class Statistic>
struct block_statistics {
  std::vector<std::tuple<Statistic>> kept;
  std::vector<statistic_place> places;
  std::vector<double> times;

  /// True if no token reached the block.
  bool empty() const noexcept { return places.empty(); }
  /// The layer that keeps the statistic of a layer.
  std::size_t place_of(std::size_t layer) const {
    return empty() ? layer : places[layer].template of<Statistic>(layer);
  }
  const Statistic& of(std::size_t layer) const { return std::get<0>(kept[place_of(layer)]); }
  double seconds(std::size_t layer) const { return times[layer]; }
  /// True if any layer that the plan prunes saw a token.
  bool saw_any(std::span<const planned_layer> layers) const {
    for (std::size_t k = 0; k < places.size(); ++k)
      if (layers[k].is_pruned() && tokens_seen(of(k)) != 0) return true;
    return false;
  }
};

/// The same from a calibration. The block's first layer has the number `first` in the model.
template <class Statistic, class Calibration>
struct given_statistics {
  const Calibration& seen;
  std::size_t first;

  static constexpr bool empty() noexcept { return false; }
  const Statistic& of(std::size_t layer) const {
    return seen.template of<Statistic>(first + layer);
  }
  static constexpr double seconds(std::size_t) noexcept { return 0; }
};

template <class Statistic>
void check_seen(const Statistic& seen, const planned_layer& layer) {
  if constexpr (requires { seen.values(); })
    check_statistics(column_values(seen), layer.cols, "prune", layer.name);
  else if (seen.features() != layer.cols)
    raise<shape_error>("prune: the weight of ", layer.name, " has ", layer.cols,
                       " columns, the statistics cover ", seen.features());
}

/// Sends the samples through a block. All of its layers are checked before the first is written.
template <class Statistic, model Model>
block_statistics<Statistic> observe_layers(const any_executor& exec, Model& host, std::size_t block,
                                           std::span<const planned_layer> layers,
                                           const Statistic& empty) {
  block_statistics<Statistic> seen;
  seen.kept.resize(layers.size(), std::tuple(empty));
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    seen.places.push_back({input_of(host, block, layer)});
  seen.times = observe_block(exec, host, block, seen.kept, seen.places);
  for (std::size_t k = 0; k < layers.size(); ++k)
    if (layers[k].is_pruned() && seen.of(k).tokens() != 0) check_seen(seen.of(k), layers[k]);
  return seen;
}

/// A process that decides about all layers by itself. Several are a team (tamp/mpi/prune_model.hpp)
/// that observes, agrees and divides the layers.
struct alone {
  static constexpr bool is_alone = true;

  template <class Work>
  void together(const Work& work) const {
    work();
  }
  template <class Body>
  void collectively(const Body& body) const {
    body();
  }
  bool all(bool mine) const { return mine; }
  void agree_on(const pruning_plan&, std::size_t) const {}
  template <class Statistic, model Model>
  block_statistics<Statistic> observe(const any_executor& exec, Model& host, std::size_t block,
                                      std::span<const planned_layer> layers,
                                      const Statistic& empty) const {
    return observe_layers(exec, host, block, layers, empty);
  }
};

/// The team of an executor, and the executor of one process of a team. A place of several processes
/// defines both in its namespace.
template <executor E>
alone team_of(const E&) {
  return {};
}
template <executor E>
const E& executor_of(const E& exec) {
  return exec;
}

/// Prunes the layers of a model that a report does not list yet, and keeps the report valid at any
/// time.
///
/// The plan decides the sparsities, and `visit` shows each weight together with the recipe's action
/// on it, so that neither the recipe nor the weight's type is part of this type: a program with many
/// recipes compiles it once for each statistic. Statistics are observed, unless a calibration is
/// given.
template <layered_model Model, class Statistic, class Calibration, class Team>
class model_pruner {
 public:
  /// `empty` is the statistic before any token, `fixed_sparsity` that of the recipe's pattern.
  model_pruner(const any_executor& exec, Model& host, const Calibration& given, Statistic empty,
               std::optional<double> fixed_sparsity, running_report& report, const Team& team,
               block_visit<Statistic> visit)
      : exec_(exec),
        host_(host),
        given_(given),
        empty_(std::move(empty)),
        fixed_sparsity_(fixed_sparsity),
        report_(report),
        team_(team),
        visit_(visit) {}

  void run() {
    static_assert(
        Team::is_alone || !writes_when_finished<Model>,
        "the ranks of a team keep their models the same, and this host keeps none: divide "
        "its layers among the ranks, and prune_model(host, seen, plan, recipe) on each");
    team_.agree_on(report_.plan(), report_.layers_done());
    team_.together([&] { check_everything(); });
    report_.begin();
    wrote_ = report_.layers_done() != 0;
    report_.with_state([&] { prune(); });
  }

 private:
  static constexpr bool calibrated = !std::is_same_v<Statistic, no_statistics>;
  static constexpr bool observed = calibrated && std::is_same_v<Calibration, no_calibration>;
  using observed_statistics = block_statistics<Statistic>;
  using statistics_from_elsewhere = given_statistics<Statistic, Calibration>;

  // Checks everything that can be checked before anything is written.
  void check_everything() {
    check_plan(empty_plan(exec_, host_, {}), report_.plan(), fixed_sparsity_);
    check_anything_to_prune("prune", report_.plan(), report_.blocks());
    report_.check_done();
    if constexpr (observed) {
      report_.check_can_rewind(rewindable_model<Model>);
      check_shown<observables_read<Statistic>>(host_);
    } else if constexpr (calibrated) {
      check_given();
    }
    if constexpr (!writes_when_finished<Model>) check_weights(exec_, host_, report_);
  }

  // Checks given statistics against the layers.
  void check_given() const {
    const auto& layers = report_.plan().layers;
    if (given_.layers() != layers.size())
      raise<shape_error>("prune: the calibration covers ", given_.layers(),
                         " layers, the model has ", layers.size());
    bool saw_any = false;
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const Statistic& seen = given_.template of<Statistic>(k);
      if (!layers[k].is_pruned() || seen.tokens() == 0) continue;
      check_seen(seen, layers[k]);
      saw_any = true;
    }
    if (!saw_any) raise_unseen();
  }

  [[noreturn]] void raise_unseen() const {
    raise<value_error>("prune: ", report_.labels().score, " looks at what layers see, and none of ",
                       report_.plan().layers.size(),
                       " layers saw a calibration token; nothing was written");
  }

  void prune() {
    if constexpr (observed && rewindable_model<Model>) team_.together([&] { host_.rewind(); });
    for (std::size_t block = 0; block < report_.blocks() && !report_.cancelled(); ++block)
      if (go_on(block, {})) prune_block(block);
    if (report_.cancelled()) return;
    if (!waiting_.empty()) raise_unseen();
    report_.note_counts();
  }

  bool go_on(std::size_t block, std::string_view layer) {
    if (team_.all(report_.go_on(block, layer))) return true;
    report_.cancel();
    return false;
  }

  // Nothing is written until a layer is known to have seen a token. Until then blocks wait. A block
  // that no token reaches does not affect later blocks.
  void prune_block(std::size_t block) {
    const auto layers = report_.layers_of(block);
    const bool is_done =
        report_.layers_done() >= report_.first_of(layers) + layers.size() && !layers.empty();
    if constexpr (observed) {
      stopwatch watch;
      if (!is_done) {
        observed_statistics seen;
        if (std::ranges::any_of(layers, &planned_layer::is_pruned))
          seen = team_.observe(exec_, host_, block, layers, empty_);
        report_.add_calibration_time(watch.seconds());
        if (wrote_ || !team_.all(!seen.saw_any(layers))) {
          for (const std::size_t earlier : std::exchange(waiting_, {}))
            prune_layers(earlier, observed_statistics{});
          wrote_ = true;
          prune_layers(block, seen);
        } else {
          waiting_.push_back(block);
        }
      }
      if (report_.cancelled() || block + 1 == report_.blocks()) return;
      watch = {};
      team_.together([&] { host_.advance(block); });
      report_.add_calibration_time(watch.seconds());
    } else if (!is_done) {
      if constexpr (calibrated)
        prune_layers(block,
                     statistics_from_elsewhere{given_, report_.first_of(report_.layers_of(block))});
      else
        prune_layers(block, no_statistics{});
    }
  }

  template <class Statistics>
  void prune_layers(std::size_t block, const Statistics& seen) {
    const auto layers = report_.layers_of(block);
    const auto is_done = [&](std::size_t k) {
      return report_.first_of(layers) + k < report_.layers_done();
    };
    const auto decide = [&](std::size_t k, layer_report& done,
                            const layer_action<Statistic>& action, layer_decision* decision) {
      action(done, statistic_of_layer(seen, k), decision);
      if constexpr (calibrated)
        if (!seen.empty()) done.observe = seen.seconds(k);
    };
    const auto goes_on = [&](std::size_t k, std::string_view name) {
      return !is_done(k) && !report_.cancelled() && go_on(block, name);
    };
    if constexpr (Team::is_alone) {
      visit_(block, [&](std::size_t k, std::string_view name, layer_action<Statistic> action) {
        if (!goes_on(k, name)) return false;
        layer_report done = untouched(layers[k]);
        if (layers[k].is_pruned()) decide(k, done, action, nullptr);
        report_.add(std::move(done));
        return true;
      });
    } else {
      std::vector<layer_decision> decisions(layers.size());
      std::vector<layer_report> reports;
      for (const planned_layer& layer : layers) reports.push_back(untouched(layer));
      team_.assign(layers, seen);
      team_.together([&] {
        visit_(block, [&](std::size_t k, std::string_view, layer_action<Statistic> action) {
          if (layers[k].is_pruned() && !is_done(k) && team_.owns(k))
            decide(k, reports[k], action, &decisions[k]);
          return false;
        });
      });
      for_layers_of_block(host_, block, [&](std::size_t k, std::string_view name, auto&& weight) {
        check_planned(layers, k, name, weight);
        if (!goes_on(k, name)) return false;
        if (layers[k].is_pruned()) {
          team_.share(k, reports[k], decisions[k]);
          team_.together([&] {
            const layer_decision decision = std::move(decisions[k]);
            if (decision.repairs)
              write_decided(exec_, report_, reports[k], weight, decision);
            else
              write_decided(exec_, report_, reports[k], weight, decision.keep);
          });
        }
        report_.add(std::move(reports[k]));
        return true;
      });
    }
  }

  // Returns the statistic of the k-th layer of a block; without a token, that of none.
  template <class Statistics>
  const Statistic& statistic_of_layer(const Statistics& seen, std::size_t k) const {
    if constexpr (!calibrated)
      return empty_;
    else
      return seen.empty() ? empty_ : seen.of(k);
  }

  any_executor exec_;
  Model& host_;
  const Calibration& given_;
  Statistic empty_;
  std::optional<double> fixed_sparsity_;
  running_report& report_;
  const Team& team_;
  block_visit<Statistic> visit_;
  bool wrote_ = false;                // or is about to
  std::vector<std::size_t> waiting_;  // blocks whose layers saw no token, before any is written
};

/// See tamp::prune_model.
template <layered_model Model, class Calibration, class Recipe, class Team = alone>
void prune_model(const any_executor& exec, Model& host, const Calibration& given,
                 const pruning_plan& plan, const Recipe& recipe, prune_report& report,
                 const progress_callback& on_progress, const Team& team = {}) {
  running_report running(plan, report, on_progress, block_count(host),
                         {recipe.label(), label(recipe.score), label(recipe.pattern)});
  const layer_pruner prune(exec, recipe.at(0), running);
  using statistic = typename decltype(prune)::statistic;
  const auto visit = [&](std::size_t block, on_layer<statistic> use) {
    for_layers_of_block(host, block, [&](std::size_t k, std::string_view name, auto&& weight) {
      check_planned(running.layers_of(block), k, name, weight);
      return use(k, name, [&](layer_report& done, const statistic& seen, layer_decision* decision) {
        prune(weight, done, seen, decision);
      });
    });
  };
  model_pruner(exec, host, given, prune.empty_statistic(), prune.fixed_sparsity(), running, team,
               block_visit<statistic>(visit))
      .run();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
