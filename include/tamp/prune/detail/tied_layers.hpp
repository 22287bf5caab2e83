#pragma once

/// @file
/// Detection of layers that are second names of the same weight.

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "../../execute/executor.hpp"
#include "../../model/fingerprint.hpp"
#include "../../model/host.hpp"
#include "../pruning_plan.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Marks layers whose weight is that of an earlier one: the same address, shape and numbers. The
/// address alone does not suffice, since a host may load its layers into one buffer, one after
/// another. A weight stays dense if any of its names is excluded.
template <executor E, layered_model Model>
void mark_tied(const E& exec, Model& host, std::vector<planned_layer>& layers) {
  if constexpr (has_shapes<Model>) return;  // it shows each weight under one name
  std::map<const void*, std::vector<std::size_t>> at_address;
  for_each_layer(host, [&](std::size_t k, auto, auto, auto&& weight) {
    if constexpr (requires { weight.row_stride(); })
      if (weight.size() != 0) at_address[weight.data()].push_back(k);
  });
  std::map<std::size_t, const void*> candidates;
  for (const auto& [address, group] : at_address)
    for (const std::size_t k : group)
      if (group.size() > 1) candidates[k] = address;
  if (candidates.empty()) return;
  std::map<std::pair<const void*, std::uint64_t>, std::size_t> known;
  for_each_layer(host, [&](std::size_t k, auto, auto, auto&& weight) {
    if (const auto candidate = candidates.find(k); candidate != candidates.end()) {
      const std::uint64_t numbers = fingerprint().add(exec, weight).value();
      const auto [first, is_new] = known.emplace(std::pair(candidate->second, numbers), k);
      if (is_new) return;
      planned_layer& earlier = layers[first->second];
      layers[k].tied_to = earlier.name;
      earlier.excluded = earlier.excluded || layers[k].excluded;
    }
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
