#pragma once

/// @file
/// The plan of a model before any sparsity is decided.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../detail/glob.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../model/host.hpp"
#include "../plan_options.hpp"
#include "../pruning_plan.hpp"
#include "tied_layers.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

inline bool fits_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, name); });
}

/// Lists the layers of a model, and marks those that are excluded or tied.
template <executor E, layered_model Model>
pruning_plan empty_plan(const E& exec, Model& host, const plan_options& options) {
  pruning_plan plan;
  plan.fewest_tokens = options.fewest_tokens;
  for_each_shape(
      host, [&](std::size_t block, std::string_view name, std::size_t rows, std::size_t cols) {
        plan.layers.push_back(
            {std::string(name), block, rows, cols, 0.0, fits_any(options.exclude, name), {}});
      });
  mark_tied(exec, host, plan.layers);
  return plan;
}

/// The names of some layers, for a sentence: "0.up, 0.down and 5 more".
inline std::string first_names(std::span<const planned_layer> layers) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t k = 0; k < (std::min)(most, layers.size()); ++k)
    text += sentence(k == 0 ? "" : ", ", layers[k].name);
  return layers.size() <= most ? text : sentence(text, " and ", layers.size() - most, " more");
}

/// Refuses a plan that leaves nothing to prune, which could not reach any sparsity. `patterns` are
/// those that excluded layers; empty if the plan itself excludes them.
/// @throws value_error that lists the layers or patterns
inline void check_anything_to_prune(std::string_view operation, const pruning_plan& plan,
                                    std::size_t blocks,
                                    std::span<const std::string> patterns = {}) {
  const std::size_t layers = plan.layers.size();
  if (layers == 0)
    raise<value_error>(operation, ": there is nothing to prune: the host shows ", blocks,
                       blocks == 1 ? " block" : " blocks", " and no layer");
  if (std::none_of(plan.layers.begin(), plan.layers.end(),
                   [](const planned_layer& layer) { return layer.is_pruned(); })) {
    std::string hits;
    for (const std::string& pattern : patterns) {
      const auto hit = std::count_if(
          plan.layers.begin(), plan.layers.end(),
          [&](const planned_layer& layer) { return glob_match(pattern, layer.name); });
      if (hit != 0) hits += sentence(hits.empty() ? "" : ", ", '"', pattern, "\" (", hit, ')');
    }
    raise<value_error>(operation, ": there is nothing to prune: all of ", layers, " layers (",
                       first_names(plan.layers), ") are excluded",
                       hits.empty() ? std::string(" or tied") : " by " + hits);
  }
  if (std::none_of(plan.layers.begin(), plan.layers.end(), [](const planned_layer& layer) {
        return layer.is_pruned() && layer.size() != 0;
      }))
    raise<value_error>(operation, ": there is nothing to prune: none of ", layers,
                       " layers has any weights");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
