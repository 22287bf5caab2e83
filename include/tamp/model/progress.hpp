#pragma once

/// @file
/// Where a long operation on a model stands, and how to stop it.

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Where calibrating or pruning a model stands. `layer` is empty while a block is calibrated.
struct progress {
  std::size_t block = 0, blocks = 0;
  std::size_t layers_done = 0, layers = 0;
  std::string_view layer;
  bool dense = false;  ///< still looking at the dense model, for the allocation
};

/// Told before each block is calibrated and before each layer is pruned; returns whether to go on.
using progress_callback = std::function<bool(const progress&)>;

namespace detail {

class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
