#pragma once

// Activations that go together, their Gram matrices, and masks to refine or to repair.

#include <cstddef>
#include <tamp/tamp.hpp>

#include "tensors.hpp"

namespace support {

inline tamp::stat::gram gram_of(const matrix<float>& activations) {
  tamp::stat::gram products;
  products.add(activations);
  return products;
}

/// Activations in which each feature goes with the one before it.
inline matrix<float> correlated(std::size_t tokens, std::size_t features, unsigned seed) {
  auto x = random_matrix(tokens, features, seed);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t j = 1; j < features; ++j) x(t, j) += 0.8f * x(t, j - 1);
  return x;
}

/// A mask without the smallest weights of each row.
inline tamp::mask::bitmask without_smallest(const matrix<float>& weight, double sparsity = 0.5) {
  return tamp::select(weight, tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                            tamp::allocate::uniform{sparsity}));
}

}  // namespace support
