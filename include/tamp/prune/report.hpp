#pragma once

/// @file
/// The report of a pruned model: requested and achieved sparsities of each layer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../refine/refined_mask.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The result for one layer. Times are in seconds.
struct layer_report {
  std::string name;
  std::size_t block = 0, rows = 0, cols = 0;
  std::size_t kept = 0;               ///< weights that were not dropped
  std::size_t kept_zeros = 0;         ///< kept weights that are zero in memory, as before
  double asked = 0;                   ///< sparsity that the plan requests
  std::optional<std::size_t> drop{};  ///< number of weights that the plan requests, if it does
  std::uint64_t tokens = 0;           ///< calibration tokens that its statistics saw
  std::size_t dead_inputs = 0;        ///< inputs that were zero on every calibration token
  std::string score;       ///< the score used: the recipe's, or "magnitude"; empty if none
  bool fell_back = false;  ///< saw too few calibration tokens: pruned by magnitude instead
  bool excluded = false;   ///< left dense, as the plan says
  std::string tied_to;     ///< left to the earlier layer that has the same weight
  std::string note;        ///< any further remark, in a sentence
  /// The squared error of its output with the score's mask, and after the refinements, if any know
  /// it: on the calibration tokens, as the score's statistic weighs them.
  std::optional<refine::layer_errors> error{};
  double observe = 0, select = 0, apply = 0;

  /// True if this layer is pruned itself: it is neither excluded nor tied.
  bool is_pruned() const noexcept { return !excluded && tied_to.empty(); }
  std::size_t size() const noexcept { return rows * cols; }
  std::size_t zeros() const noexcept { return size() - kept + kept_zeros; }
  /// The achieved sparsity in memory; 0 for a layer without weights.
  double achieved() const noexcept {
    return size() == 0 ? 0.0 : static_cast<double>(zeros()) / static_cast<double>(size());
  }
};

/// The result for a model. Finished layers are listed in the order of the plan.
///
/// The report is valid at any time, also when an error stopped pruning: the listed layers are done,
/// and all layers from `next` on are unchanged, except for `unfinished`, whose writing had begun.
struct prune_report {
  std::string recipe;  ///< the recipe followed, and that of the plan if it differs
  std::vector<layer_report> layers;
  std::vector<std::string> notes;  ///< the plan's: clamps and fallbacks of its allocation
  bool cancelled = false;          ///< the progress callback stopped it; later layers are untouched
  std::string next;                ///< the first layer that is not done; empty if all are
  std::string unfinished;          ///< a layer that was written only in part; nearly always empty
  double calibrate = 0;            ///< seconds in the host's forward passes, statistics included

  /// The fraction of zeros among all weights that are neither excluded nor tied.
  double achieved() const noexcept {
    std::size_t size = 0, zeros = 0;
    for (const layer_report& layer : layers)
      if (layer.is_pruned()) size += layer.size(), zeros += layer.zeros();
    return size == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(size);
  }
  /// The number of layers that were pruned by magnitude because they saw too few tokens.
  std::size_t fallbacks() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        layers.begin(), layers.end(), [](const layer_report& layer) { return layer.fell_back; }));
  }
  /// The recipe, with any fallbacks and interruptions: "wanda, uniform 0.5, per_row (2 of 8 layers
  /// by magnitude)".
  std::string heading() const {
    std::string text = recipe;
    if (fallbacks() != 0) {
      const auto pruned =
          std::count_if(layers.begin(), layers.end(),
                        [](const layer_report& layer) { return layer.is_pruned(); });
      text += detail::sentence(" (", fallbacks(), " of ", pruned, " layers by magnitude)");
    }
    if (cancelled || !next.empty())
      text += detail::sentence(" (", cancelled ? "cancelled" : "stopped",
                               next.empty() ? "" : " before ", next, ')');
    return text;
  }
  double observe() const noexcept { return sum(&layer_report::observe); }
  double select() const noexcept { return sum(&layer_report::select); }
  double apply() const noexcept { return sum(&layer_report::apply); }

  /// Prints a table with one line for each layer, and a line of totals.
  friend std::ostream& operator<<(std::ostream& out, const prune_report& report) {
    std::size_t width = 5;
    for (const layer_report& layer : report.layers) width = (std::max)(width, layer.name.size());
    const auto flags = out.flags();
    const auto precision = out.precision();
    const auto column = [&](auto value, int digits) { out << std::setw(digits) << value; };
    out << report.heading() << '\n'
        << std::left << std::setw(static_cast<int>(width)) << "layer" << std::right
        << "    asked achieved   dead   ms\n"
        << std::fixed;
    for (const layer_report& layer : report.layers) {
      out << std::left << std::setw(static_cast<int>(width)) << layer.name << std::right
          << std::setprecision(4);
      column(layer.asked, 9), column(layer.achieved(), 9), column(layer.dead_inputs, 7);
      out << std::setprecision(1);
      column(1e3 * (layer.observe + layer.select + layer.apply), 7);
      if (layer.fell_back) out << "  saw " << layer.tokens << " tokens: magnitude";
      if (layer.kept_zeros != 0) out << "  " << layer.kept_zeros << " kept, but zero before";
      if (layer.excluded) out << "  excluded";
      if (!layer.tied_to.empty()) out << "  tied to " << layer.tied_to;
      if (layer.error) write_error(out, *layer.error);
      if (!layer.note.empty()) out << "  " << layer.note;
      out << '\n';
    }
    for (const std::string& note : report.notes) out << note << '\n';
    out << "achieved " << std::setprecision(4) << report.achieved() << std::setprecision(3)
        << ", calibrated in " << report.calibrate << " s, selected in " << report.select()
        << " s, applied in " << report.apply() << " s\n";
    out.flags(flags);
    out.precision(precision);
    return out;
  }

 private:
  static void write_error(std::ostream& out, const refine::layer_errors& error) {
    const auto flags = out.flags();
    out << std::defaultfloat << std::setprecision(4) << "  error " << error.before << " to "
        << error.after;
    if (error.swaps != 0) out << " by " << error.swaps << (error.swaps == 1 ? " swap" : " swaps");
    out.flags(flags);
  }

  double sum(double layer_report::* time) const noexcept {
    double total = 0;
    for (const layer_report& layer : layers) total += layer.*time;
    return total;
  }
};

}  // namespace tamp::inline TAMP_FLAGS
