#pragma once

/// @file
/// What one linear layer saw of one sample.

#include <span>

#include "../tensor/rows.hpp"
#include "modality.hpp"

namespace tamp::inline TAMP_FLAGS {

/// One sequence on its way through a linear layer. It refers to the host's tensors.
template <tensor_argument X, tensor_argument Y>
struct layer_sample {
  const X& input;                    ///< (tokens, in_features)
  const Y& output;                   ///< (tokens, out_features)
  std::span<const modality> kinds;   ///< one a token; empty: all of it text
  std::span<const float> attention;  ///< of the last query to each token, mean over heads; or empty
};

template <class X, class Y, class... Rest>
layer_sample(const X&, const Y&, const Rest&...) -> layer_sample<X, Y>;

}  // namespace tamp::inline TAMP_FLAGS
