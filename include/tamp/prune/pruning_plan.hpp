#pragma once

/// @file
/// A plan: how much each layer of a model shall lose.

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <ostream>
#include <string>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// One layer of a plan.
struct planned_layer {
  std::string name;
  std::size_t block = 0, rows = 0, cols = 0;
  double sparsity = 0;
  bool excluded = false;  ///< stays dense, and does not count towards the target
  std::string tied_to{};  ///< an earlier layer that has the same weight, and is pruned in its place

  /// Whether this layer loses anything by itself.
  bool is_pruned() const noexcept { return !excluded && tied_to.empty(); }
  friend bool operator==(const planned_layer&, const planned_layer&) = default;
};

/// How much each layer of a model shall lose. A value: printable, comparable, editable, saveable
/// (tamp/io/json.hpp).
struct pruning_plan {
  std::string recipe;  ///< what it was made for
  std::vector<planned_layer> layers;
  std::vector<std::string> notes;  ///< what fell back or was clamped, in sentences
  /// A layer that fewer calibration tokens came to is pruned by magnitude.
  std::size_t fewest_tokens = 1;

  /// The fraction that shall go of all weights that are neither excluded nor tied.
  double sparsity() const {
    double size = 0, dropped = 0;
    for (const planned_layer& layer : layers) {
      if (!layer.is_pruned()) continue;
      const double n = static_cast<double>(layer.rows) * static_cast<double>(layer.cols);
      size += n;
      dropped += n * layer.sparsity;
    }
    return size == 0 ? 0.0 : dropped / size;
  }

  friend bool operator==(const pruning_plan&, const pruning_plan&) = default;

  /// One line a layer: block, name, shape, sparsity; then the notes.
  friend std::ostream& operator<<(std::ostream& out, const pruning_plan& plan) {
    std::size_t width = 5;
    for (const planned_layer& layer : plan.layers) width = (std::max)(width, layer.name.size());
    const auto flags = out.flags();
    const auto precision = out.precision();
    for (const planned_layer& layer : plan.layers) {
      out << std::setw(4) << layer.block << "  " << std::left << std::setw(static_cast<int>(width))
          << layer.name << std::right << std::setw(7) << layer.rows << " x " << std::left
          << std::setw(6) << layer.cols << ' ' << std::right << std::fixed << std::setprecision(4)
          << layer.sparsity;
      if (layer.excluded) out << "  excluded";
      if (!layer.tied_to.empty()) out << "  tied to " << layer.tied_to;
      out << '\n';
    }
    for (const std::string& note : plan.notes) out << note << '\n';
    out.flags(flags);
    out.precision(precision);
    return out;
  }
};

}  // namespace tamp::inline TAMP_FLAGS
