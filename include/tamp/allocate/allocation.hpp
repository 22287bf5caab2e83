#pragma once

/// @file
/// What an allocation policy answers.

#include <string>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What an allocation gives one sparsity to: each layer, each block, or each group of layers that
/// a name pattern makes.
enum class granularity { layer, block, group };

namespace allocate {

/// One sparsity a unit, and what the reader of a report should know about how they came about.
struct allocation {
  std::vector<double> sparsities;
  std::vector<std::string> notes;
};

}  // namespace allocate
}  // namespace tamp::inline TAMP_FLAGS
