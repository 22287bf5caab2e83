#pragma once

/// @file
/// The allocation that gives every layer the same sparsity.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../role.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Gives every layer the same sparsity.
///
/// Use it as the baseline of any allocation, and for a single matrix.
///
///     sparsity(layer) = sparsity
///
/// The sparsity is a fraction in [0, 1]. Other values are refused when the recipe is used.
struct uniform {
  using role = tamp::role::allocate;
  double sparsity = 0.5;

  std::string label() const { return detail::sentence("uniform ", sparsity); }

  /// Returns one sparsity for each layer, given the number of weights in each.
  std::vector<double> operator()(std::span<const std::size_t> num_params) const {
    return std::vector<double>(num_params.size(), sparsity);
  }

  friend bool operator==(const uniform&, const uniform&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
