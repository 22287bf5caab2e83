#pragma once

/// @file
/// Weights of tokens in the GPU's memory.

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "../../detail/number_range.hpp"
#include "../../error.hpp"
#include "../../tensor/traits.hpp"
#include "../../tensor/view.hpp"
#include "../on.cuh"
#include "block.cuh"
#include "status.cuh"
#include "views.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The weight 1 of each token.
struct equal_weights {
  static constexpr bool differ = false;
  __device__ constexpr double operator()(std::size_t) const { return 1.0; }
};

/// A weight of each token, in the GPU's memory.
struct device_weights {
  static constexpr bool differ = true;
  const double* first;
  std::ptrdiff_t stride;
  __device__ double operator()(std::size_t t) const {
    return first[static_cast<std::ptrdiff_t>(t) * stride];
  }
};

/// Returns the weights of a batch's tokens.
/// @throws shape_error if they are not one row with one number for each token, or lie at a null
///         pointer
template <viewable Weights>
device_weights weights_of_tokens(const cuda::on_stream& on, const Weights& weights,
                                 std::size_t tokens, std::string_view who) {
  const auto given = cuda_view(on, weights);
  static_assert(std::is_same_v<typename decltype(given)::value_type, double>,
                "weights of tokens are doubles, one row in the GPU's memory");
  if (given.size() != tokens)
    raise<shape_error>(who, ": the weights cover ", given.size(), " tokens, there are ", tokens);
  if (tokens != 0 && given.rows() != 1)
    raise<shape_error>(who, ": the weights are ", given.rows(), " x ", given.cols(),
                       "; they must be one row");
  return {given.data(), given.col_stride()};
}

/// The findings about the weights of a statistic's tokens, on the device.
struct weight_status {
  wide place;     ///< of the first token whose weight cannot be used, or nowhere
  double weight;  ///< that weight
  wide zeros;     ///< the number of tokens of weight 0

  /// Throws the exception of the CPU.
  /// @throws value_error if a weight could not be used
  void raise_if_broken(std::string_view who) const {
    if (place != nowhere) raise<value_error>(who, ": the weight of token ", place, " is ", weight);
  }
};

/// Writes a status that has seen no weight.
inline void clear_weights(const cuda::on_stream& on, weight_status* status) {
  on.fill(status, 0xff, sizeof(weight_status));
  on.fill(&status->zeros, 0, sizeof(wide));
}

/// One block: notes the first weight that is negative or not finite, unless an earlier batch had a
/// fault, which `broken` says for activations, and counts the tokens of weight 0.
template <class Weights, class Status>
__global__ void check_weights(Weights weights, std::size_t tokens, const wide* broken,
                              Status* status) {
  struct rooms {
    wide lowest[warp_size], zeros[warp_size];
  };
  auto& room = shared_memory<rooms>();
  wide lowest = nowhere, zeros = 0;
  for (std::size_t t = threadIdx.x; t < tokens; t += blockDim.x) {
    const double weight = weights(t);
    if (!is_nonnegative(weight))
      lowest = (std::min)(lowest, wide{t});
    else if (weight == 0)
      ++zeros;
  }
  for (unsigned distance = warp_size / 2; distance != 0; distance /= 2)
    lowest = (std::min)(lowest, __shfl_xor_sync(whole_warp, lowest, static_cast<int>(distance)));
  zeros = sum_of_lanes(zeros);
  if (lane_number() == 0) {
    room.lowest[warp_number()] = lowest;
    room.zeros[warp_number()] = zeros;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned w = 1; w < warps_of_block(); ++w) {
    lowest = (std::min)(lowest, room.lowest[w]);
    zeros += room.zeros[w];
  }
  status->zeros += zeros;
  if (lowest == nowhere || status->place != nowhere || *broken != nowhere) return;
  status->place = lowest;
  status->weight = weights(lowest);
}

/// Launches check_weights.
template <class Weights>
void check_weights_on(const cuda::on_stream& on, const Weights& weights, std::size_t tokens,
                      const wide* broken, weight_status* status) {
  launch(&check_weights<Weights, weight_status>, 1, 256, 2 * warp_size * sizeof(wide), on, weights,
         tokens, broken, status);
}

/// One thread: adds the status of one statistic to that of the sum of both.
template <class Status>
__global__ void combine_weights(const Status* from, Status* to) {
  to->zeros += from->zeros;
  if (to->place != nowhere || from->place == nowhere) return;
  to->place = from->place;
  to->weight = from->weight;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
