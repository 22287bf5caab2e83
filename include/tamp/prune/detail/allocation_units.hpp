#pragma once

/// @file
/// The units of a model to which an allocation assigns one sparsity each.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../../allocate/allocation.hpp"
#include "../../detail/checked.hpp"
#include "../../detail/glob.hpp"
#include "../../error.hpp"
#include "../../model/host.hpp"
#include "../../tensor/detail/source.hpp"
#include "../pruning_plan.hpp"
#include "../select.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Groups of the layers of a plan that are pruned. An allocation reads their sizes and names, and
/// may visit their weights and statistics any number of times (see docs/concepts/recipes.md).
template <layered_model Model, class Calibration, class Statistic>
class allocation_units {
 public:
  allocation_units(Model& host, const pruning_plan& plan, granularity unit,
                   const std::vector<std::string>& groups, const Calibration& seen)
      : host_(host), seen_(seen) {
    std::map<std::string, std::size_t> known;
    for (std::size_t k = 0; k < plan.layers.size(); ++k) {
      const planned_layer& layer = plan.layers[k];
      block_.push_back(layer.block);
      if (!layer.is_pruned()) continue;
      std::string name = name_of_unit(layer, unit, groups);
      const auto [at, is_new] = known.emplace(name, units_.size());
      if (is_new) units_.push_back({std::move(name), {}, 0});
      units_[at->second].layers.push_back(k);
      std::size_t& size = units_[at->second].num_params;
      size = checked_sum("plan", size, checked_product("plan", layer.rows, layer.cols));
    }
  }

  std::size_t size() const noexcept { return units_.size(); }
  std::string_view name(std::size_t unit) const { return units_[unit].name; }
  std::size_t num_params(std::size_t unit) const { return units_[unit].num_params; }
  std::vector<std::size_t> num_params() const {
    std::vector<std::size_t> all;
    for (const auto& unit : units_) all.push_back(unit.num_params);
    return all;
  }
  /// The places of a unit's layers in the plan, ascending.
  const std::vector<std::size_t>& layers(std::size_t unit) const { return units_[unit].layers; }

  /// Calls use(name, weight, statistic) for each layer of a unit. Only the blocks of these layers
  /// are visited.
  template <class Use>
  void visit(std::size_t unit, Use&& use) const {
    const auto& layers = units_[unit].layers;
    for (std::size_t next = 0; next < layers.size();) {
      const std::size_t block = block_[layers[next]];
      std::size_t k = layers[next];
      while (k != 0 && block_[k - 1] == block) --k;
      host_.visit_layers(block, [&](std::string_view name, auto&& weight) {
        if constexpr (check_visited<decltype(weight)>()) {
          if (next < layers.size() && k == layers[next]) {
            with_source(weight, [&](const auto& source) {
              if constexpr (std::is_same_v<Statistic, no_statistics>)
                use(name, source, no_statistics{});
              else
                use(name, source, seen_.template of<Statistic>(k));
            });
            ++next;
          }
          ++k;
        }
      });
    }
  }

 private:
  struct unit_of_layers {
    std::string name;
    std::vector<std::size_t> layers;
    std::size_t num_params = 0;
  };

  static std::string name_of_unit(const planned_layer& layer, granularity unit,
                                  const std::vector<std::string>& groups) {
    if (unit == granularity::block) return sentence("block ", layer.block);
    if (unit == granularity::group)
      for (const std::string& pattern : groups)
        if (glob_match(pattern, layer.name)) return pattern;
    return layer.name;
  }

  Model& host_;
  const Calibration& seen_;
  std::vector<std::size_t> block_;  // of each layer
  std::vector<unit_of_layers> units_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
