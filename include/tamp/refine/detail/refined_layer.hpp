#pragma once

/// @file
/// The context of a refinement in a recipe, beside the weight, its statistic and its mask.

#include <cstddef>
#include <string_view>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Stands for the scores of a score that has none to show, because it repairs weights.
struct no_scores {};

/// Names for errors, and the number of columns of a row among which weights may take each other's
/// places; 0 for the whole row.
struct refined_layer {
  std::string_view operation, layer;
  std::size_t group = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
