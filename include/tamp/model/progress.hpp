#pragma once

/// @file
/// The progress of long operations on a model, and their cancellation.

#include <cstddef>
#include <functional>
#include <string_view>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The progress of calibrating or pruning a model. `layer` is empty while a block is calibrated.
struct progress {
  std::size_t block = 0, blocks = 0;
  std::size_t layers_done = 0, layers = 0;
  std::string_view layer;
  bool dense = false;  ///< true during passes over the dense model, for allocation and weights
  std::size_t samples_done = 0;  ///< while weights of tokens are measured, sample after sample
};

/// A callback before each sample is measured, each block is calibrated and each layer is pruned.
/// Return false to stop.
using progress_callback = std::function<bool(const progress&)>;

}  // namespace tamp::inline TAMP_FLAGS
