#pragma once

/// @file
/// The result of an allocation policy.

#include <cstddef>
#include <string>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The unit to which an allocation assigns one sparsity: a layer, a block, or a group of layers
/// whose names match a pattern.
enum class granularity { layer, block, group };

namespace allocate {

/// One sparsity for each unit, and notes for the reader of a report on their origin.
///
/// A policy that decides on whole numbers of weights also sets `drops`. Exactly these numbers are
/// then dropped, and the sparsities correspond to them: drops = floor(size * sparsity).
struct allocation {
  std::vector<double> sparsities;
  std::vector<std::string> notes;
  std::vector<std::size_t> drops{};  ///< weights to drop in each unit; if empty, sparsities decide
};

}  // namespace allocate
}  // namespace tamp::inline TAMP_FLAGS
