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
  bool dense = false;  ///< true during the pass over the dense model, for the allocation
};

/// A callback before each block is calibrated and before each layer is pruned. Return false to
/// stop.
using progress_callback = std::function<bool(const progress&)>;

}  // namespace tamp::inline TAMP_FLAGS
