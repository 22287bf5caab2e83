#pragma once

/// @file
/// Inference token after token on stored weights, with the keys and values of the tokens so far.

#include <span>
#include <vector>

#include "stored_model.hpp"

namespace llama {

class decoder {
 public:
  /// The model must outlive the decoder. At most `positions` tokens can be fed.
  decoder(const stored_model& m, Index positions, int threads);

  /// Sends tokens through the model, after those before, and returns the logits of the last one.
  row_vector feed(std::span<const int> tokens);
  /// Forgets all tokens.
  void reset() { fed_ = 0; }

 private:
  const stored_model& model_;
  tamp::execute::openmp exec_;
  std::vector<matrix> keys_, values_;  // of each block, (positions, kv_heads * head_dim)
  Index fed_ = 0;
};

/// Returns the token with the highest logit, the first of several.
int choice(const row_vector& logits);

}  // namespace llama
