#pragma once

/// @file
/// A recipe resolved to one sparsity a layer.

#include <algorithm>
#include <cstddef>
#include <iomanip>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "../tensor/rows.hpp"
#include "compose.hpp"
#include "model.hpp"

namespace tamp {

/// One layer of a plan.
struct planned_layer {
  std::string name;
  std::size_t block = 0, rows = 0, cols = 0;
  double sparsity = 0;

  friend bool operator==(const planned_layer&, const planned_layer&) = default;
};

/// How much each layer of a model shall lose. A value: printable, comparable, editable.
struct pruning_plan {
  std::vector<planned_layer> layers;

  /// The fraction of all weights that shall go.
  double sparsity() const {
    double size = 0, dropped = 0;
    for (const planned_layer& layer : layers) {
      const double n = static_cast<double>(layer.rows) * static_cast<double>(layer.cols);
      size += n;
      dropped += n * layer.sparsity;
    }
    return size == 0 ? 0.0 : dropped / size;
  }

  friend bool operator==(const pruning_plan&, const pruning_plan&) = default;

  /// One line a layer: block, name, shape, sparsity.
  friend std::ostream& operator<<(std::ostream& out, const pruning_plan& plan) {
    std::size_t width = 5;
    for (const planned_layer& layer : plan.layers) width = (std::max)(width, layer.name.size());
    const auto flags = out.flags();
    const auto precision = out.precision();
    for (const planned_layer& layer : plan.layers)
      out << std::setw(4) << layer.block << "  " << std::left << std::setw(static_cast<int>(width))
          << layer.name << std::right << std::setw(7) << layer.rows << " x " << std::left
          << std::setw(6) << layer.cols << ' ' << std::right << std::fixed << std::setprecision(4)
          << layer.sparsity << '\n';
    out.flags(flags);
    out.precision(precision);
    return out;
  }
};

namespace detail {

/// Calls visit(index, block, name, weight) for every layer of a model, in order.
template <model Model, class Visit>
void for_each_layer(Model& host, Visit&& visit) {
  std::size_t index = 0;
  for (std::size_t block = 0; block < static_cast<std::size_t>(host.blocks()); ++block)
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      visit(index++, block, name, detail::source(weight));
    });
}

template <model Model>
pruning_plan empty_plan(Model& host) {
  pruning_plan plan;
  for_each_layer(host, [&](std::size_t, std::size_t block, std::string_view name, auto&& weight) {
    plan.layers.push_back({std::string(name), block, static_cast<std::size_t>(weight.rows()),
                           static_cast<std::size_t>(weight.cols()), 0.0});
  });
  return plan;
}

}  // namespace detail

/// Decides how much each layer of a model loses. The model is only read.
/// @throws value_error if the allocation gives a layer a sparsity outside [0, 1]
/// @throws shape_error if it does not give one for each layer
template <model Model, class Recipe>
pruning_plan plan(Model& host, const Recipe& recipe) {
  pruning_plan plan = detail::empty_plan(host);
  std::vector<std::size_t> num_params;
  for (const planned_layer& layer : plan.layers) num_params.push_back(layer.rows * layer.cols);
  const std::vector<double> sparsities = detail::sparsities_of(recipe, num_params);
  for (std::size_t k = 0; k < sparsities.size(); ++k) plan.layers[k].sparsity = sparsities[k];
  return plan;
}

}  // namespace tamp
