#pragma once

/// @file
/// How a model is pruned block by block, and what is known at any time of what was done.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/block_observer.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../detail/zeros.hpp"
#include "../score/magnitude.hpp"
#include "apply.hpp"
#include "calibrate.hpp"
#include "model.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "prune.hpp"
#include "report.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

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
    if (!is_fraction(theirs.sparsity))
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

/// Prunes a model, or what of it a report does not list yet, and keeps the report true at any time.
template <model Model, class Recipe>
class model_pruner {
 public:
  model_pruner(any_executor exec, Model& host, const Recipe& recipe, const pruning_plan& plan,
               prune_report& report, const progress_callback& on_progress)
      : exec_(exec),
        host_(host),
        recipe_(recipe),
        plan_(plan),
        report_(report),
        on_progress_(on_progress) {}

  void run() {
    check_everything();
    begin_report();
#if TAMP_EXCEPTIONS
    try {
      prune();
    } catch (const shape_error& e) {
      raise_with_state<shape_error>(e);
    } catch (const value_error& e) {
      raise_with_state<value_error>(e);
    } catch (const file_error& e) {
      raise_with_state<file_error>(e);
    }
#else
    prune();
#endif
  }

 private:
  static constexpr bool calibrated = needs_statistic<typename Recipe::score_policy>;
  using statistic =
      std::conditional_t<calibrated, needed_statistic_of<typename Recipe::score_policy>,
                         no_statistics>;

  // What can be known before anything is written.
  void check_everything() {
    check_plan<Recipe>(exec_, host_, plan_);
    check_anything_to_prune("prune", plan_, block_count(host_));
    check_done();
    if constexpr (calibrated) check_shown<signals_read<statistic>>(host_);
    for_each_layer(host_, [&](auto, auto, std::string_view name, auto&& weight) {
      require_prunable_rows<decltype(weight)>();
      if constexpr (viewable<decltype(weight)>) check_writable("prune", weight);
      check_finite(exec_, weight, "prune", name);
    });
  }

  void prune() {
    if constexpr (calibrated && rewindable_model<Model>) host_.rewind();
    const auto blocks = block_count(host_);
    for (std::size_t block = 0; block < blocks && !report_.cancelled; ++block)
      if (go_on(block, {})) prune_block(block);
    if (report_.cancelled) return;
    if (!waiting_.empty())
      raise<value_error>("prune: ", label(recipe_.score), " looks at what layers see, and none of ",
                         plan_.layers.size(),
                         " layers saw a calibration token; nothing was written");
    note_counts();
  }

  // A report that lists layers already is one to go on from.
  void check_done() const {
    const auto& done = report_.layers;
    if (!report_.unfinished.empty())
      raise<value_error>("prune: of ", report_.unfinished,
                         " only a part was written; restore its weights and clear `unfinished` of "
                         "the report to go on");
    for (std::size_t k = 0; k < done.size(); ++k)
      if (k >= plan_.layers.size() || done[k].name != plan_.layers[k].name)
        raise<value_error>("prune: layer ", k, " of the report to go on from is ", done[k].name,
                           ", that of the plan ",
                           k < plan_.layers.size() ? plan_.layers[k].name : "does not exist");
    if constexpr (calibrated && !rewindable_model<Model>)
      if (!done.empty())
        raise<value_error>("prune: to go on after ", done.size(),
                           " layers, the host needs a rewind()");
  }

  void begin_report() {
    report_.recipe = recipe_.label();
    if (!plan_.recipe.empty() && plan_.recipe != report_.recipe)
      report_.recipe = sentence(label(recipe_.score), ", ", label(recipe_.pattern),
                                ", sparsities as planned for: ", plan_.recipe);
    report_.notes = plan_.notes;
    report_.cancelled = false;
    set_next();
    wrote_ = !report_.layers.empty();
  }

  void set_next() {
    const std::size_t k = report_.layers.size();
    report_.next = k < plan_.layers.size() ? plan_.layers[k].name : std::string();
  }

#if TAMP_EXCEPTIONS
  // Called while `e` is handled: says what has been written when it was thrown.
  template <class Error>
  [[noreturn]] void raise_with_state(const Error& e) const {
    const std::size_t done = report_.layers.size();
    if (done == 0 && report_.unfinished.empty()) throw;
    const std::string others =
        report_.unfinished.empty()
            ? sentence("all from ", report_.next, " on are as they were")
            : sentence(report_.unfinished, " is written in part, the others are as they were");
    const std::string names =
        done == 0 ? std::string() : " (" + first_names(std::span(plan_.layers).first(done)) + ")";
    raise<Error>(e.what(), "; ", done, " of ", plan_.layers.size(), " layers are done", names, ", ",
                 others);
  }
#endif

  bool go_on(std::size_t block, std::string_view layer) {
    report_.cancelled =
        on_progress_ && !on_progress_({block, block_count(host_), report_.layers.size(),
                                       plan_.layers.size(), layer, false});
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

  // The layers of a block in the plan.
  std::span<const planned_layer> layers_of(std::size_t block) const {
    const auto [begin, end] =
        std::ranges::equal_range(plan_.layers, block, {}, &planned_layer::block);
    return {begin, end};
  }

  // Nothing is written until some layer is known to have seen a token. Until then blocks wait: what
  // no token comes to makes no difference to what later blocks see.
  void prune_block(std::size_t block) {
    const auto layers = layers_of(block);
    const auto first = static_cast<std::size_t>(layers.data() - plan_.layers.data());
    if (report_.layers.size() < first + layers.size() || layers.empty()) {
      if constexpr (calibrated) {
        block_statistics seen;
        if (std::ranges::any_of(layers, &planned_layer::is_pruned)) seen = observe(block, layers);
        if (wrote_ || saw_any(seen, layers)) {
          for (const std::size_t earlier : std::exchange(waiting_, {}))
            prune_layers(earlier, layers_of(earlier), {});
          wrote_ = true;
          prune_layers(block, layers, seen);
        } else {
          waiting_.push_back(block);
        }
      } else {
        prune_layers(block, layers, {});
      }
    }
    if constexpr (calibrated) {
      if (!report_.cancelled && block + 1 < block_count(host_)) {
        const stopwatch watch;
        host_.advance(block);
        report_.calibrate += watch.seconds();
      }
    }
  }

  static bool saw_any(const block_statistics& seen, std::span<const planned_layer> layers) {
    for (std::size_t k = 0; k < seen.places.size(); ++k)
      if (layers[k].is_pruned() && tokens_seen(seen.of(k)) != 0) return true;
    return false;
  }

  // Without statistics no token came to the block.
  void prune_layers(std::size_t block, std::span<const planned_layer> layers,
                    const block_statistics& seen) {
    const auto first = static_cast<std::size_t>(layers.data() - plan_.layers.data());
    std::size_t k = 0;
    host_.visit_layers(block, [&](std::string_view name, auto&& weight) {
      const std::size_t at = k++;
      if (first + at < report_.layers.size() || report_.cancelled || !go_on(block, name)) return;
      layer_report done = untouched(layers[at]);
      if (layers[at].is_pruned()) {
        if constexpr (calibrated) {
          if (seen.places.empty()) {
            prune_layer(done, detail::source(weight), statistic_of(recipe_.score));
          } else {
            prune_layer(done, detail::source(weight), seen.of(at));
            done.observe = seen.seconds[at];
          }
        } else {
          prune_layer(done, detail::source(weight), no_statistics{});
        }
      }
      report_.layers.push_back(std::move(done));
      report_.unfinished.clear();
      set_next();
    });
  }

  // All layers of a block are checked before the first of them is written.
  block_statistics observe(std::size_t block, std::span<const planned_layer> layers)
    requires calibrated
  {
    const stopwatch watch;
    block_statistics seen;
    seen.kept.resize(layers.size(), std::tuple(statistic_of(recipe_.score)));
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
      seen.places.push_back({input_of(host_, block, layer)});
    block_observer<any_executor, statistic> observer(exec_, seen.kept, seen.places);
    host_.observe_block(block, observer);
    seen.seconds = std::move(observer.seconds);
    report_.calibrate += watch.seconds();
    for (std::size_t k = 0; k < layers.size(); ++k)
      if (layers[k].is_pruned() && seen.of(k).tokens() != 0) check_seen(seen.of(k), layers[k]);
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
    done.score = label(recipe_.score);
    if constexpr (calibrated) {
      done.tokens = tokens_seen(seen);
      const bool selected_none = done.tokens != 0 && seen.tokens() == 0;
      if (selected_none) done.note = "none of its tokens was selected";
      done.unseen =
          selected_none || done.tokens < (std::max<std::uint64_t>)(plan_.fewest_tokens, 1);
      if (done.unseen) {
        done.score = label(score::magnitude{});
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
    report_.unfinished = done.name;
    apply_layer(exec_, "prune", done.name, keep, weight);
    done.apply = applying.seconds();
    done.kept = keep.count();
    read_back(done, weight);
  }

  template <class Weight, class Statistics, class Here>
  void repair(layer_report& done, Weight&& weight, const Statistics& seen, const Here& here) {
    const stopwatch selecting;
    auto repaired = repair_layer(exec_, "prune", done.name, weight, seen, here, done.drop);
    done.select = selecting.seconds();
    const stopwatch applying;
    check_repaired<std::remove_cvref_t<Weight>>(exec_, "prune", done.name, repaired);
    report_.unfinished = done.name;
    write_repaired(exec_, "prune", done.name, repaired, weight);
    done.apply = applying.seconds();
    done.kept = repaired.keep.count();
    done.note = std::move(repaired.note);
    read_back(done, weight);
  }

  // What is zero in memory is what counts as achieved.
  template <class Weight>
  void read_back(layer_report& done, const Weight& weight) {
    const std::size_t zeros = count_zeros(exec_, weight), dropped = done.size() - done.kept;
    if (zeros >= dropped) {
      done.kept_zeros = zeros - dropped;
      return;
    }
    done.kept = done.size() - zeros;
    done.note += sentence(done.note.empty() ? "" : "; ", "of ", dropped, " weights dropped, ",
                          dropped - zeros, " did not become zero");
  }

  any_executor exec_;
  Model& host_;
  const Recipe& recipe_;
  const pruning_plan& plan_;
  prune_report& report_;
  const progress_callback& on_progress_;
  bool wrote_ = false;                // or is about to
  std::vector<std::size_t> waiting_;  // blocks of which no layer saw a token, before any is written
};

}  // namespace tamp::inline TAMP_FLAGS::detail
