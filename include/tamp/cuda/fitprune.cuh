#pragma once

/// @file
/// The statistics and the selection of FitPrune, on the GPU.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/ordered_key.hpp"
#include "../token/fitprune.hpp"
#include "detail/select_tokens.cuh"
#include "detail/upload.cuh"
#include "token_context.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Writes the maximum over heads of the attention of the `queries` queries from token `first_query`
/// on, (queries, tokens). Each number is read once. Attention to text, and that of text before
/// `after`, is not read.
template <class T>
__global__ void max_over_heads(cuda::attention_view<T> attention, std::size_t queries,
                               const std::uint8_t* visuals, std::size_t first_query,
                               std::size_t after, float* strongest, list_status* status) {
  const std::size_t tokens = attention.tokens(), heads = attention.heads();
  const std::size_t t = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (t >= tokens) return;
  for (std::size_t q = blockIdx.y; q < queries; q += gridDim.y) {
    const std::size_t at = q * tokens + t, query = first_query + q;
    const bool is_read = visuals[t] != 0 && (visuals[query] != 0 || query >= after);
    float largest = 0;
    for (std::size_t head = 0; is_read && head < heads; ++head) {
      const float a = checked_attention(attention, head, query, t, status);
      largest = largest < a ? a : largest;
    }
    strongest[at] = largest;
  }
}

/// One thread for each token: its means over the visual queries and over the queries from `after`
/// on, summed in order, as on the CPU. `strongest` begins with query `first`.
template <class List>
__global__ void mean_over_queries(const float* strongest, std::size_t first, std::size_t after,
                                  std::size_t visual, std::size_t tokens,
                                  const std::uint8_t* visuals, double* cross, double* self,
                                  wide* keys, const List* status) {
  const std::size_t t = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (t >= tokens || status->place != nowhere) return;
  if (visuals[t] == 0) {
    cross[t] = self[t] = 0;
    keys[t] = always;
    return;
  }
  // Several loads are in flight before the first number is added.
  constexpr unsigned ahead = 8;
  double sums[2] = {0, 0};  // of visual queries, and of those after the last visual one
  for (std::size_t q = first; q < tokens; q += ahead) {
    float numbers[ahead];
    for (unsigned k = 0; k < ahead; ++k)
      numbers[k] = q + k < tokens ? strongest[(q + k - first) * tokens + t] : 0.0f;
    for (unsigned k = 0; k < ahead && q + k < tokens; ++k) {
      if (visuals[q + k] != 0)
        sums[0] += static_cast<double>(numbers[k]);
      else if (q + k >= after)
        sums[1] += static_cast<double>(numbers[k]);
    }
  }
  self[t] = sums[0] / static_cast<double>(visual);
  cross[t] = after == tokens ? 0.0 : sums[1] / static_cast<double>(tokens - after);
  keys[t] = ordered_key(cross[t] * self[t]);
}

/// Allocates the intermediate maxima of put_fitprune_means.
inline cuda::buffer strongest_on(const cuda::on_stream& on, const device_sequence& sequence) {
  return device_array<float>(on, "fitprune", sequence.tokens - sequence.first, sequence.tokens);
}

/// Puts the means of a sequence with visual tokens onto the stream.
template <class T>
void put_fitprune_means(const cuda::on_stream& on, const cuda::token_context<T>& c,
                        const device_sequence& sequence, const std::uint8_t* visuals,
                        float* strongest, double* cross, double* self, wide* keys,
                        list_status* status) {
  const auto& a = c.attention;
  const std::size_t tokens = sequence.tokens, queries = tokens - sequence.first;
  constexpr unsigned threads = 128;
  launch(&max_over_heads<T>, grid_of(blocks_of(tokens, threads), queries), threads, 0, on, a,
         queries, visuals, sequence.first, sequence.after, strongest, status);
  note_attention(on, a, status);
  constexpr unsigned few = 32;  // threads in each block, so that there are many blocks
  launch(&mean_over_queries<list_status>, blocks_of(tokens, few), few, 0, on, strongest,
         sequence.first, sequence.after, sequence.visual, tokens, visuals, cross, self, keys,
         status);
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// token::received_attention in the memory of the GPU, over all tokens, with zeros for text.
/// Movable, not copyable.
class received_attention {
 public:
  /// The means over the tokens after the last visual one (cross) and over the visual tokens (self),
  /// one row each.
  matrix_view<const double, cuda_space> cross() const noexcept {
    return {memory_.as<double>(allocation_step), 1, visuals_.size()};
  }
  matrix_view<const double, cuda_space> self() const noexcept {
    return {memory_.as<double>(allocation_step) + visuals_.size(), 1, visuals_.size()};
  }

  /// WAITS for the stream, and copies the numbers of the visual tokens to the CPU.
  /// @throws value_error if an attention is negative or not finite, naming it
  token::received_attention to_host(const on_stream& on) const {
    tamp::detail::list_status found{};
    std::vector<double> numbers(2 * visuals_.size());
    on.copy(&found, memory_.data(), sizeof found);
    on.copy(numbers.data(), memory_.as<double>(allocation_step), numbers.size() * sizeof(double));
    on.wait();
    if (found.place != tamp::detail::nowhere)
      refuse_(static_cast<std::size_t>(found.place), found.value);
    token::received_attention means;
    for (std::size_t t = 0; t < visuals_.size(); ++t)
      if (visuals_[t] != 0) {
        means.cross.push_back(numbers[t]);
        means.self.push_back(numbers[visuals_.size() + t]);
      }
    return means;
  }

 private:
  template <class T>
  friend received_attention fitprune_statistics(const on_stream& on, const token_context<T>& c);

  std::vector<std::uint8_t> visuals_;
  buffer memory_;  // a list_status, then both means
  index_list::refusal refuse_;
};

/// token::fitprune::statistics on the GPU. It takes maxima over heads, and sums over queries in
/// double and in order, so that equal attention gives the same bits as on the CPU.
///
/// Each attention of the queries from the first visual token on is read once. Asynchronous.
/// (queries, tokens) floats and 9 bytes for each token are temporarily taken from `on`.
///
/// @throws shape_error if the attention covers another number of tokens than the kinds, or one of
///         them lies at a null pointer
/// @throws value_error if no token follows the last visual one, or the context does not show the
///         attention of the visual tokens and of the tokens after them
/// @throws device_error if there is no memory, or CUDA refuses a kernel
template <class T>
received_attention fitprune_statistics(const on_stream& on, const token_context<T>& shown) {
  using namespace tamp::detail;
  const auto c = as_twin(shown);
  check_device_context(on, "fitprune", c, token::fitprune::reads);
  device_sequence sequence(c);
  if (sequence.visual == 0 || sequence.after == sequence.tokens)
    raise<value_error>("fitprune: there is no token after the last visual one");
  received_attention result;
  result.memory_ = buffer(on, allocation_step + 2 * sequence.tokens * sizeof(double));
  result.refuse_ = refuse_attention("fitprune", c.attention);
  auto* const status = result.memory_.as<list_status>();
  on.fill(status, 0xff, sizeof(list_status));
  const buffer visuals(on, sequence.tokens), keys(on, sequence.tokens * sizeof(wide));
  const buffer strongest = strongest_on(on, sequence);
  upload<std::uint8_t>(on, sequence.visuals, visuals.as<std::uint8_t>());
  auto* const means = result.memory_.as<double>(allocation_step);
  put_fitprune_means(on, c, sequence, visuals.as<std::uint8_t>(), strongest.as<float>(), means,
                     means + sequence.tokens, keys.as<wide>(), status);
  result.visuals_ = std::move(sequence.visuals);
  return result;
}

}  // namespace tamp::inline TAMP_FLAGS::cuda

namespace tamp::inline TAMP_FLAGS::cuda {

/// token::select with token::fitprune on the GPU: the tokens that stay, ascending, including text,
/// the same as on the CPU for equal attention. Quotas, waiting and refusals are as for
/// token::attention_top_k in tamp/cuda/attention_top_k.cuh. Temporary memory: (queries, tokens)
/// floats, for the queries from the first visual token on, and 29 bytes for each token.
///
/// @throws shape_error if the attention covers another number of tokens than the kinds, or one of
///         them lies at a null pointer
/// @throws value_error if the context does not show the attention of the visual tokens and of the
///         tokens after them, or if some but not all visual tokens stay and no token follows them
/// @throws device_error if there is no memory, or CUDA refuses a kernel
template <class T>
index_list run_on(const on_stream& on, const token::select_operation&,
                  const token_context<T>& shown, const token::fitprune& policy, token::quota q) {
  using namespace tamp::detail;
  const auto c = as_twin(shown);
  constexpr std::string_view who = "fitprune";
  check_device_context(on, who, c, policy.reads);
  const device_sequence sequence(c);
  const std::size_t tokens = sequence.tokens, drop = dropped_tokens(who, sequence, q);
  if (drop != 0 && drop != sequence.visual && sequence.after == tokens)
    raise<value_error>("fitprune: there is no token after the last visual one");
  return select_by_key(on, who, c, sequence, drop,
                       [&](const std::uint8_t* visuals, wide* keys, list_status* status) {
                         const cuda::buffer strongest = strongest_on(on, sequence);
                         const cuda::buffer means(on, 2 * tokens * sizeof(double));
                         auto* const cross = means.as<double>();
                         put_fitprune_means(on, c, sequence, visuals, strongest.as<float>(), cross,
                                            cross + tokens, keys, status);
                       });
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
