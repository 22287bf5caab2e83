#pragma once

/// @file
/// Options of a plan: excluded layers, and the units that get one sparsity.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "../allocate/allocation.hpp"
#include "usual_exclusions.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The layers that a plan excludes, and the units that get one sparsity. Names are matched against
/// patterns in which * stands for any text and ? for any character.
struct plan_options {
  /// Layers that stay dense: by default embeddings, heads, norms, routers and tables of biases, by
  /// their names at Hugging Face and in GGUF.
  std::vector<std::string> exclude = usual_exclusions();
  /// The unit that gets one sparsity: a layer, a block or a group. If empty, the allocation's own
  /// default.
  std::optional<granularity> unit;
  /// Patterns of the groups, for granularity::group. The first that matches a layer applies. A
  /// layer that matches none is a group of its own.
  std::vector<std::string> groups;
  /// See pruning_plan::fewest_tokens.
  std::size_t fewest_tokens = 1;
};

}  // namespace tamp::inline TAMP_FLAGS
