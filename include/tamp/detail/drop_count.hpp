#pragma once

/// @file
/// How many of `size` weights a sparsity drops.

#include <cstddef>

#include "../error.hpp"

namespace tamp::detail {

/// floor(size * sparsity), computed in double as the published code does.
constexpr std::size_t drop_count(std::size_t size, double sparsity) noexcept {
  return static_cast<std::size_t>(static_cast<double>(size) * sparsity);
}

inline void check_sparsity(double sparsity) {
  if (!(sparsity >= 0.0 && sparsity <= 1.0))
    raise<value_error>("a sparsity is a fraction in [0, 1], not ", sparsity);
}

}  // namespace tamp::detail
