#pragma once

/// @file
/// Which layers a plan leaves out, and what it gives one sparsity to.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "../allocate/allocation.hpp"
#include "usual_exclusions.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What a plan leaves out, and what it gives one sparsity to. Names are compared with patterns in
/// which * stands for any text and ? for any character.
struct plan_options {
  /// Layers that stay dense: by default embeddings, heads, norms, routers and tables of biases, as
  /// Hugging Face and GGUF name them.
  std::vector<std::string> exclude = usual_exclusions();
  /// One sparsity a layer, a block or a group; if empty, what the allocation itself is made for.
  std::optional<granularity> unit;
  /// For granularity::group: a pattern for each group, the first that fits a layer. A layer that
  /// fits none is a group of its own.
  std::vector<std::string> groups;
  /// See pruning_plan::fewest_tokens.
  std::size_t fewest_tokens = 1;
};

}  // namespace tamp::inline TAMP_FLAGS
