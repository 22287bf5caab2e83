#pragma once

/// @file
/// A plan: the sparsity of each layer of a model.

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "../config.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"

namespace tamp::inline TAMP_FLAGS {

/// One layer of a plan.
///
/// `sparsity` decides, and may be edited. `drop` is set if a whole number of weights was decided
/// on, of which `sparsity` is the fraction. It holds as long as floor(size * sparsity) is that
/// number.
struct planned_layer {
  std::string name;
  std::size_t block = 0, rows = 0, cols = 0;
  double sparsity = 0;
  bool excluded = false;  ///< stays dense, and does not count towards the target
  std::string tied_to{};  ///< an earlier layer that has the same weight, and is pruned in its place
  std::optional<std::size_t> drop{};  ///< number of weights to drop, if that was decided on

  std::size_t size() const noexcept { return rows * cols; }
  /// The number of weights to drop, if that was decided on and still matches the sparsity.
  std::optional<std::size_t> counted() const noexcept {
    const detail::ieee_arithmetic as_usual;
    const bool holds =
        drop && detail::is_fraction(sparsity) && detail::drop_count(size(), sparsity) == *drop;
    return holds ? drop : std::nullopt;
  }
  /// True if this layer is pruned itself: it is neither excluded nor tied.
  bool is_pruned() const noexcept { return !excluded && tied_to.empty(); }
  friend bool operator==(const planned_layer& a, const planned_layer& b) {
    const auto members = [](const planned_layer& l) {
      return std::tie(l.name, l.block, l.rows, l.cols, l.sparsity, l.excluded, l.tied_to);
    };
    return members(a) == members(b) && a.counted() == b.counted();
  }
};

/// The sparsity of each layer of a model. A value: printable, comparable, editable, saveable
/// (tamp/io/pruning_plan.hpp).
struct [[nodiscard]] pruning_plan {
  std::string recipe;  ///< label of the recipe that it was made for
  std::vector<planned_layer> layers;
  std::vector<std::string> notes;  ///< fallbacks and clamps, in sentences
  /// The number of calibration tokens below which a layer is pruned by magnitude.
  std::size_t fewest_tokens = 1;

  /// The planned fraction of all weights that are neither excluded nor tied.
  double sparsity() const {
    const detail::ieee_arithmetic as_usual;
    double size = 0, dropped = 0;
    for (const planned_layer& layer : layers) {
      if (!layer.is_pruned()) continue;
      const double n = static_cast<double>(layer.rows) * static_cast<double>(layer.cols);
      size += n;
      const auto count = layer.counted();
      dropped += count ? static_cast<double>(*count) : n * layer.sparsity;
    }
    return size == 0 ? 0.0 : dropped / size;
  }

  friend bool operator==(const pruning_plan&, const pruning_plan&) = default;

  /// Prints one line for each layer: block, name, shape, sparsity, and the number of weights if it
  /// was decided on. The notes follow.
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
      if (const auto count = layer.counted()) out << "  drops " << *count;
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
