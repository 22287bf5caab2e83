#pragma once

/// @file
/// The result of a refinement.

#include <cstddef>

#include "../config.hpp"
#include "../mask/bitmask.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// A layer's squared output error before and after a refinement, and the number of swaps made.
struct layer_errors {
  double before = 0, after = 0;
  std::size_t swaps = 0;

  friend bool operator==(const layer_errors&, const layer_errors&) = default;
};

/// A refined mask, and the layer's errors with the mask given and with this one.
struct [[nodiscard]] refined_mask {
  mask::bitmask keep;
  layer_errors error;

  friend bool operator==(const refined_mask&, const refined_mask&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::refine
