#pragma once

/// @file
/// The data of one sample at one linear layer.

#include <concepts>
#include <span>

#include "../tensor/traits.hpp"
#include "modality.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The place of a tensor that the host does not show.
struct not_shown {};

/// One sequence at a linear layer. It refers to the host's tensors, which must outlive it. Lists of
/// tokens that the host does not show are empty.
template <tensor_argument X, class Y>
  requires tensor_argument<Y> || std::same_as<Y, not_shown>
struct layer_sample {
  const X& input;                        ///< (tokens, in_features)
  const Y& output;                       ///< (tokens, out_features), or not_shown
  std::span<const modality> kinds;       ///< one per token; empty if all are text
  std::span<const float> attention;      ///< last query to each token, mean over heads
  std::span<const double> weights = {};  ///< one per token, for weightings that the host computes
};

template <class X, class Y, class... Rest>
layer_sample(const X&, const Y&, const Rest&...) -> layer_sample<X, Y>;

namespace detail {
inline constexpr not_shown nothing{};
}  // namespace detail

}  // namespace tamp::inline TAMP_FLAGS
