#pragma once

/// @file
/// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in the half-split convention of the
/// Hugging Face models: feature i turns with feature i + head_dim / 2.

#include <cstddef>
#include <span>

#include "config.hpp"

namespace llama {

/// Turns the heads of row t by t times the angles theta^(-2i / head_dim) / divisors[i].
class rotary_embedding {
 public:
  rotary_embedding() = default;
  /// `divisors` is (head_dim / 2,); empty, it is ones.
  rotary_embedding(Index head_dim, double theta, Index positions, const row_vector& divisors = {});

  /// Turns `x`, (tokens, heads * head_dim), in place; row t is at position t.
  void operator()(matrix& x) const;
  /// Row t is at position positions[t]: where the tokens between have left.
  void operator()(matrix& x, std::span<const std::size_t> positions) const;

 private:
  template <class Position>
  void turn(matrix& x, const Position& position) const;

  matrix cosine_, sine_;  // (positions, head_dim / 2)
};

}  // namespace llama
