#pragma once

/// @file
/// A report that is valid at any time, also when an exception leaves.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "../../error.hpp"
#include "../../model/progress.hpp"
#include "../calibrate.hpp"
#include "../pruning_plan.hpp"
#include "../report.hpp"
#include "empty_plan.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Names for reports and errors: the whole recipe, its score and its pattern.
struct recipe_labels {
  std::string recipe, score, pattern;
};

/// Follows a plan through a model, layer by layer, and keeps a report of the layers written. It
/// does not depend on types of tensors or policies.
class running_report {
 public:
  running_report(const pruning_plan& plan, prune_report& report,
                 const progress_callback& on_progress, std::size_t blocks, recipe_labels labels)
      : plan_(plan),
        report_(report),
        on_progress_(on_progress),
        blocks_(blocks),
        labels_(std::move(labels)) {}

  /// Checks a report from which pruning continues, because it lists layers.
  /// @throws value_error if it belongs to another plan, or if a layer was written in part
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
  }
  void check_can_rewind(bool can_rewind) const {
    if (!can_rewind && !report_.layers.empty())
      raise<value_error>("prune: to go on after ", report_.layers.size(),
                         report_.layers.size() == 1 ? " layer" : " layers",
                         ", the host needs a rewind()");
  }

  void begin() {
    report_.recipe = labels_.recipe;
    if (!plan_.recipe.empty() && plan_.recipe != report_.recipe)
      report_.recipe = sentence(labels_.score, ", ", labels_.pattern,
                                ", sparsities as planned for: ", plan_.recipe);
    report_.notes = plan_.notes;
    report_.cancelled = false;
    set_next();
  }

  const recipe_labels& labels() const noexcept { return labels_; }
  const pruning_plan& plan() const noexcept { return plan_; }
  std::size_t blocks() const noexcept { return blocks_; }
  std::size_t layers_done() const noexcept { return report_.layers.size(); }
  bool cancelled() const noexcept { return report_.cancelled; }

  /// The layers of a block in the plan. `first_of` returns the number of the first.
  std::span<const planned_layer> layers_of(std::size_t block) const {
    const auto [begin, end] =
        std::ranges::equal_range(plan_.layers, block, {}, &planned_layer::block);
    return {begin, end};
  }
  std::size_t first_of(std::span<const planned_layer> layers) const {
    return static_cast<std::size_t>(layers.data() - plan_.layers.data());
  }

  /// Returns false if the progress callback stops the pruning.
  bool go_on(std::size_t block, std::string_view layer) {
    report_.cancelled = on_progress_ && !on_progress_({block, blocks_, report_.layers.size(),
                                                       plan_.layers.size(), layer, false});
    return !report_.cancelled;
  }

  /// Stops the pruning, as the callback of another process wants.
  void cancel() noexcept { report_.cancelled = true; }

  void add_calibration_time(double seconds) { report_.calibrate += seconds; }
  void writing_begins(const layer_report& layer) { report_.unfinished = layer.name; }
  void add(layer_report done) {
    report_.layers.push_back(std::move(done));
    report_.unfinished.clear();
    set_next();
  }

  /// Notes the weights that the plan counts but the pattern could not drop, since the rows of a
  /// layer share a number evenly.
  void note_counts() {
    std::size_t layers = 0, counted = 0, dropped = 0;
    for (const layer_report& layer : report_.layers)
      if (layer.drop && layer.size() - layer.kept < *layer.drop) {
        ++layers;
        counted += *layer.drop;
        dropped += layer.size() - layer.kept;
      }
    if (layers != 0)
      report_.notes.push_back(sentence(labels_.pattern, ": dropped ", dropped, " of the ", counted,
                                       " weights that the plan counts in ", layers,
                                       layers == 1 ? " layer" : " layers"));
  }

  /// Calls body(). Errors of tamp that leave it gain a sentence on the layers written so far.
  template <class Body>
  void with_state(const Body& body) const {
#if TAMP_EXCEPTIONS
    try {
      body();
    } catch (const shape_error& e) {
      raise_with_state(e);
    } catch (const value_error& e) {
      raise_with_state(e);
    } catch (const file_error& e) {
      raise_with_state(e);
    }
#else
    body();
#endif
  }

 private:
  void set_next() {
    const std::size_t k = report_.layers.size();
    report_.next = k < plan_.layers.size() ? plan_.layers[k].name : std::string();
  }

#if TAMP_EXCEPTIONS
  // Must be called while `e` is handled.
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

  const pruning_plan& plan_;
  prune_report& report_;
  const progress_callback& on_progress_;
  std::size_t blocks_;
  recipe_labels labels_;
};

/// The report of a layer of the plan before anything of it is dropped.
inline layer_report untouched(const planned_layer& planned) {
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

/// A layer in a sentence: "1.up (12 x 8)".
inline std::string described(const planned_layer& layer) {
  return sentence(layer.name, " (", layer.rows, " x ", layer.cols, ')');
}

/// Refuses a plan that was made for another model than the one with the layers of `own`, or for
/// another sparsity than the one that the pattern fixes.
/// @throws shape_error if layers, shapes or blocks differ
/// @throws value_error if ties differ, or if a sparsity cannot be followed
inline void check_plan(const pruning_plan& own, const pruning_plan& plan,
                       std::optional<double> fixed_sparsity) {
  if (own.layers.size() != plan.layers.size())
    raise<shape_error>("prune: the plan has ", plan.layers.size(), " layers, the model ",
                       own.layers.size());
  for (std::size_t k = 0; k < own.layers.size(); ++k) {
    const planned_layer &mine = own.layers[k], &theirs = plan.layers[k];
    if (mine.name != theirs.name || mine.block != theirs.block || mine.rows != theirs.rows ||
        mine.cols != theirs.cols)
      raise<shape_error>("prune: layer ", k, " of the plan is ", described(theirs),
                         ", that of the model is ", described(mine),
                         mine.block == theirs.block
                             ? std::string()
                             : sentence(", of block ", mine.block, " and not ", theirs.block));
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
    if (theirs.is_pruned() && fixed_sparsity && theirs.sparsity != *fixed_sparsity)
      raise<value_error>("prune: the plan gives ", theirs.name, " a sparsity of ", theirs.sparsity,
                         ", the recipe's pattern fixes ", *fixed_sparsity);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
