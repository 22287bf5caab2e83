#pragma once

/// @file
/// What an allocation policy answers.

#include <cstddef>
#include <string>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What an allocation gives one sparsity to: each layer, each block, or each group of layers that
/// a name pattern makes.
enum class granularity { layer, block, group };

namespace allocate {

/// One sparsity a unit, and what the reader of a report should know about how they came about.
///
/// A policy that decides how many whole weights each unit loses also says that: exactly these
/// numbers are then dropped. Its sparsities stand for the same numbers, floor(size * sparsity).
struct allocation {
  std::vector<double> sparsities;
  std::vector<std::string> notes;
  std::vector<std::size_t> drops{};  ///< one number of weights a unit; empty: fractions count
};

}  // namespace allocate
}  // namespace tamp::inline TAMP_FLAGS
