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

#include "../../detail/ieee_arithmetic.hpp"
#include "../../mask/bitmask.hpp"
#include "../../model/detail/block_observer.hpp"
#include "../../model/detail/stopwatch.hpp"
#include "../../model/host.hpp"
#include "../../score/magnitude.hpp"
#include "../apply.hpp"
#include "../calibrate.hpp"
#include "../plan.hpp"
#include "../prune.hpp"
#include "../select.hpp"
#include "running_report.hpp"
#include "zeros.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Counts the inputs of a layer that were always zero, from its statistic. A statistic that does not
/// show them, with values() or diagonal(), gives 0.
template <class Statistics>
std::size_t count_dead(const Statistics& statistics) {
  const ieee_arithmetic as_usual;
  const auto zeros_of = [](const auto& values) {
    using value = std::remove_cvref_t<decltype(*values.begin())>;
    return static_cast<std::size_t>(std::count(values.begin(), values.end(), value{0}));
  };
  if constexpr (requires { statistics.diagonal(); })
    return zeros_of(statistics.diagonal());
  else if constexpr (requires { statistics.values(); } ||
                     std::convertible_to<const Statistics&, std::span<const float>>)
    return zeros_of(column_values(statistics));
  else
    return 0;
}

/// Refuses weights that cannot be pruned in place, or that are not finite.
template <layered_model Model>
void check_weights(const any_executor& exec, Model& host) {
  for (std::size_t block = 0; block < block_count(host); ++block)
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if constexpr (check_visited<decltype(weight)>())
        with_target(weight, [&](auto& target) {
          require_prunable_rows<decltype(target)>();
          if constexpr (viewable<decltype(target)>) check_writable("prune", target);
          check_finite(exec, target, "prune", name);
        });
    });
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

/// Counts the zeros in memory. The report shows these, and not the mask, as achieved.
template <class Weight>
void read_back(const any_executor& exec, const Weight& weight, layer_report& done) {
  const std::size_t zeros = count_zeros(exec, weight), dropped = done.size() - done.kept;
  if (zeros >= dropped) {
    done.kept_zeros = zeros - dropped;
    return;
  }
  done.kept = done.size() - zeros;
  done.note += sentence(done.note.empty() ? "" : "; ", "of ", dropped, " weights dropped, ",
                        dropped - zeros, " did not become zero");
}

/// The decision about a layer, before anything of it is written: the mask, and the repaired weights
/// if the score makes some.
struct layer_decision {
  mask::bitmask keep;
  std::vector<double> numbers;  // row after row
  bool repairs = false;

  matrix_view<const double> weights() const { return {numbers.data(), keep.rows(), keep.cols()}; }
  void take(const mask::bitmask& mask) { keep = mask; }
  void take(const auto& repaired) {
    keep = repaired.keep;
    repairs = true;
    const matrix_view<const double> from = repaired.weights();
    numbers = checked_array<double>("prune", from.rows() * from.cols());
    for (std::size_t i = 0; i < from.rows(); ++i)
      for (std::size_t j = 0; j < from.cols(); ++j) numbers[i * from.cols() + j] = from(i, j);
  }
};

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
/// The plan decides the sparsities, so that the recipe's allocation is not part of this type:
/// Recipe is the type that recipe::at returns. Functions that depend on fewer types than these two
/// are outside, so that a program with many recipes compiles them once. Statistics are observed,
/// unless a calibration is given.
template <layered_model Model, class Recipe, class Calibration, class Team>
class model_pruner {
 public:
  model_pruner(any_executor exec, Model& host, const Calibration& given, const Recipe& recipe,
               running_report& report, const Team& team)
      : exec_(exec), host_(host), given_(given), recipe_(recipe), report_(report), team_(team) {}

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
  using score_policy = typename Recipe::score_policy;
  static constexpr bool calibrated = needs_statistic<score_policy>;
  using statistic =
      std::conditional_t<calibrated, needed_statistic_of<score_policy>, no_statistics>;
  static constexpr bool observed = calibrated && std::is_same_v<Calibration, no_calibration>;
  using observed_statistics = block_statistics<statistic>;
  using statistics_from_elsewhere = given_statistics<statistic, Calibration>;

  // Checks everything that can be checked before anything is written.
  void check_everything() {
    std::optional<double> fixed_sparsity;
    if constexpr (Recipe::sparsity_is_fixed) fixed_sparsity = Recipe::pattern_policy::sparsity;
    check_plan(empty_plan(exec_, host_, {}), report_.plan(), fixed_sparsity);
    check_anything_to_prune("prune", report_.plan(), report_.blocks());
    report_.check_done();
    if constexpr (observed) {
      report_.check_can_rewind(rewindable_model<Model>);
      check_shown<observables_read<statistic>>(host_);
    } else if constexpr (calibrated) {
      check_given();
    }
    if constexpr (!writes_when_finished<Model>) check_weights(exec_, host_);
  }

  // Checks given statistics against the layers.
  void check_given() const {
    const auto& layers = report_.plan().layers;
    if (given_.layers() != layers.size())
      raise<shape_error>("prune: the calibration covers ", given_.layers(),
                         " layers, the model has ", layers.size());
    bool saw_any = false;
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const statistic& seen = given_.template of<statistic>(k);
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
          seen = team_.observe(exec_, host_, block, layers, statistic_of(recipe_.score));
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
    std::vector<layer_decision> decisions;
    std::vector<layer_report> reports;
    if constexpr (!Team::is_alone) {
      decisions.resize(layers.size());
      for (const planned_layer& layer : layers) reports.push_back(untouched(layer));
      team_.assign(layers, seen);
      team_.together([&] {
        for_layers_of_block(host_, block, [&](std::size_t k, std::string_view, auto&& weight) {
          if (layers[k].is_pruned() && !is_done(k) && team_.owns(k))
            decide(k, reports[k], weight, seen,
                   [&](const auto& decision) { decisions[k].take(decision); });
          return false;
        });
      });
    }
    for_layers_of_block(host_, block, [&](std::size_t k, std::string_view name, auto&& weight) {
      if (is_done(k) || report_.cancelled() || !go_on(block, name)) return false;
      layer_report done = untouched(layers[k]);
      if (layers[k].is_pruned()) {
        if constexpr (Team::is_alone) {
          decide(k, done, weight, seen,
                 [&](const auto& decision) { write(done, weight, decision); });
        } else {
          done = std::move(reports[k]);
          team_.share(k, done, decisions[k]);
          team_.together([&] {
            const layer_decision decision = std::move(decisions[k]);
            if (decision.repairs)
              write(done, weight, decision);
            else
              write(done, weight, decision.keep);
          });
        }
      }
      report_.add(std::move(done));
      return true;
    });
  }

  // Decides about the k-th layer of a block, and calls use(mask) or use(repaired).
  template <class Weight, class Statistics, class Use>
  void decide(std::size_t k, layer_report& done, Weight& weight, const Statistics& seen,
              const Use& use) {
    require_prunable_rows<Weight>();
    if constexpr (!calibrated) {
      decide_by(done, weight, seen, use);
    } else if (seen.empty()) {
      decide_by(done, weight, statistic_of(recipe_.score), use);
    } else {
      decide_by(done, weight, seen.of(k), use);
      done.observe = seen.seconds(k);
    }
  }

  template <class Weight, class Use>
  void decide_by(layer_report& done, Weight& weight, const statistic& seen, const Use& use) {
    const auto here = recipe_.at(done.asked);
    done.score = report_.labels().score;
    if constexpr (calibrated) {
      done.tokens = tokens_seen(seen);
      const bool selected_none = done.tokens != 0 && seen.tokens() == 0;
      if (selected_none) done.note = "none of its tokens was selected";
      done.fell_back =
          selected_none || done.tokens < (std::max<std::uint64_t>)(report_.plan().fewest_tokens, 1);
      if (done.fell_back) {
        done.score = label(score::magnitude{});
        const auto blind = recipe{score::magnitude{}, here.allocate, here.pattern};
        return use(selected(done, weight, no_statistics{}, blind));
      }
      done.dead_inputs = count_dead(seen);
    }
    if constexpr (repairing_score<score_policy>)
      use(repaired(done, weight, seen, here));
    else
      use(selected(done, weight, seen, here));
  }

  template <class Weight, class Statistics, class Here>
  mask::bitmask selected(layer_report& done, const Weight& weight, const Statistics& seen,
                         const Here& here) {
    const stopwatch selecting;
    mask::bitmask keep = [&] {
      if constexpr (refining_score<typename Here::score_policy>) {
        auto refined = refine_layer(exec_, "prune", done.name, weight, seen, here);
        done.error = refined.error;
        done.note = std::move(refined.note);
        return std::move(refined.keep);
      } else {
        return select_layer(exec_, "prune", done.name, weight, seen, here);
      }
    }();
    done.select = selecting.seconds();
    return keep;
  }
  template <class Weight>
  auto repaired(layer_report& done, const Weight& weight, const statistic& seen,
                const Recipe& here) {
    const stopwatch selecting;
    auto repaired = repair_layer(exec_, "prune", done.name, weight, seen, here, done.drop);
    check_repaired<Weight>(exec_, "prune", done.name, repaired);
    done.select = selecting.seconds();
    done.note = repaired.note;
    if constexpr (requires { done.error = repaired.error; }) done.error = repaired.error;
    return repaired;
  }

  template <class Weight>
  void write(layer_report& done, Weight& weight, const mask::bitmask& keep) {
    const stopwatch applying;
    report_.writing_begins(done);
    apply_layer(exec_, "prune", done.name, keep, weight);
    done.apply = applying.seconds();
    done.kept = keep.count();
    read_back(exec_, weight, done);
  }
  template <class Weight, class Repaired>
  void write(layer_report& done, Weight& weight, const Repaired& repaired) {
    const stopwatch applying;
    report_.writing_begins(done);
    write_repaired(exec_, "prune", done.name, repaired, weight);
    done.apply = applying.seconds();
    done.kept = repaired.keep.count();
    read_back(exec_, weight, done);
  }

  any_executor exec_;
  Model& host_;
  const Calibration& given_;
  Recipe recipe_;
  running_report& report_;
  const Team& team_;
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
  model_pruner(exec, host, given, recipe.at(0), running, team).run();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
