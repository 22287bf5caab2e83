#pragma once

/// @file
/// How many of `size` weights a sparsity drops.

#include <cstddef>

#include "../error.hpp"
#include "../tensor/element.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// floor(size * sparsity), computed in double as the published code does.
constexpr std::size_t drop_count(std::size_t size, double sparsity) noexcept {
  return static_cast<std::size_t>(static_cast<double>(size) * sparsity);
}

constexpr bool is_sparsity(double number) noexcept {
  return is_finite(number) && number >= 0.0 && number <= 1.0;
}

inline void check_sparsity(double sparsity) {
  if (!is_sparsity(sparsity))
    raise<value_error>("a sparsity is a fraction in [0, 1], not ", sparsity);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
