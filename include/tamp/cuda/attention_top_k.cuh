#pragma once

/// @file
/// Selection by the attention of the last query, on the GPU.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../detail/ordered_key.hpp"
#include "../token/attention_top_k.hpp"
#include "detail/select_tokens.cuh"
#include "token_context.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// One thread for each token: sums the last query's attention to a visual one over the heads, in
/// order.
template <class T>
__global__ void sum_over_heads(cuda::attention_view<T> a, const std::uint8_t* visuals, wide* keys,
                               list_status* status) {
  const std::size_t t = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::size_t tokens = a.tokens();
  if (t >= tokens) return;
  if (visuals[t] == 0) {
    keys[t] = always;
    return;
  }
  double sum = 0;
  for (std::size_t head = 0; head < a.heads(); ++head)
    sum += static_cast<double>(checked_attention(a, head, tokens - 1, t, status));
  keys[t] = wide{ordered_key(sum)};
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// token::select with token::attention_top_k on the GPU: the tokens that stay, ascending, including
/// text.
///
///     const auto stay = tamp::token::select(tamp::on(stream),
///                                           cuda::token_context{kinds, attention},
///                                           token::attention_top_k{}, {.keep = 144});
///
/// Sums over heads are in double and in order, so that for equal attention the same tokens stay as
/// on the CPU. All visual tokens compete. A minimum per image is refused. Asynchronous. The list
/// holds text + min(keep, visual) indices, and 13 bytes for each token are temporarily taken from
/// `on`. Attention to a visual token that is negative or not finite is noted in the list
/// (cuda::index_list).
///
/// @throws shape_error if the attention covers another number of tokens than the kinds, or one of
///         them lies at a null pointer
/// @throws value_error if the context does not show the last query's attention
/// @throws device_error if there is no memory, or CUDA refuses a kernel
template <class T>
index_list run_on(const on_stream& on, const token::select_operation&,
                  const token_context<T>& shown, const token::attention_top_k& policy,
                  token::quota q) {
  using namespace tamp::detail;
  using twin = typename twin_of<T>::type;
  const cuda::token_context<twin> c = as_twin(shown);
  constexpr std::string_view who = "attention_top_k";
  check_device_context(on, who, c, policy.reads);
  const device_sequence sequence(c);
  return select_by_key(on, who, c, sequence, dropped_tokens(who, sequence, q),
                       [&](const std::uint8_t* visuals, wide* keys, list_status* status) {
                         const auto& a = c.attention;
                         constexpr unsigned threads = 128;
                         launch(&sum_over_heads<twin>, blocks_of(sequence.tokens, threads), threads,
                                0, on, a, visuals, keys, status);
                         note_attention(on, a, status);
                       });
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
