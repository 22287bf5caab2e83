#pragma once

/// @file
/// The data of one sample at one linear layer.

#include <span>

#include "../tensor/traits.hpp"
#include "modality.hpp"

namespace tamp::inline TAMP_FLAGS {

/// One sequence at a linear layer. It refers to the host's tensors, which must outlive it.
template <tensor_argument X, tensor_argument Y>
struct layer_sample {
  const X& input;                    ///< (tokens, in_features)
  const Y& output;                   ///< (tokens, out_features)
  std::span<const modality> kinds;   ///< one per token; empty if all are text
  std::span<const float> attention;  ///< last query to each token, mean over heads; or empty
};

template <class X, class Y, class... Rest>
layer_sample(const X&, const Y&, const Rest&...) -> layer_sample<X, Y>;

}  // namespace tamp::inline TAMP_FLAGS
