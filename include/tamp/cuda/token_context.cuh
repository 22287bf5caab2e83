#pragma once

/// @file
/// The context of a token policy with its attention on the GPU.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/observable.hpp"
#include "../token/context.hpp"
#include "../token/detail/query_range.hpp"
#include "../token/detail/strided_numbers.hpp"
#include "../token/select.hpp"
#include "detail/elements.cuh"
#include "detail/views.cuh"
#include "index_list.cuh"
#include "on.cuh"

namespace tamp::inline TAMP_FLAGS::cuda {

/// Attention probabilities in the memory of the GPU: token::attention_view there.
///
/// An array (heads, queries, tokens) of the attention of `queries` consecutive tokens, the first of
/// which is token first_query. Kernels are fastest where the tokens of a row lie side by side.
template <class T>
class attention_view {
 public:
  attention_view() = default;
  /// Views a contiguous array.
  /// @throws shape_error if the numbers exceed any memory, or if the queries leave the sequence
  attention_view(const T* numbers, std::size_t heads, std::size_t queries, std::size_t tokens,
                 std::size_t first_query)
      : numbers_(numbers),
        heads_(heads),
        queries_(queries),
        tokens_(tokens),
        first_query_(first_query) {
    check_queries();
    const std::size_t rows = tamp::detail::checked_product("attention_view", heads, queries);
    tamp::detail::check_shape("attention_view", rows, tokens);
    query_stride_ = static_cast<std::ptrdiff_t>(tokens);
    head_stride_ = static_cast<std::ptrdiff_t>(empty() ? 0 : queries * tokens);
  }
  /// Views numbers (heads, queries, tokens), for example a slice attn[0, :, -1:, :] of a tensor
  /// (batch, heads, queries, tokens). Strides count numbers, and may be zero or negative.
  /// @throws shape_error as above, and if the strides lead out of memory
  attention_view(const T* numbers, const std::array<std::size_t, 3>& extents,
                 const std::array<std::ptrdiff_t, 3>& strides, std::size_t first_query)
      : numbers_(numbers),
        heads_(extents[0]),
        queries_(extents[1]),
        tokens_(extents[2]),
        first_query_(first_query),
        head_stride_(strides[0]),
        query_stride_(strides[1]),
        token_stride_(strides[2]) {
    check_queries();
    if (tamp::detail::checked_size("attention_view", extents) != 0)
      tamp::detail::check_strides("attention_view", extents, strides, sizeof(T));
  }
  /// Views the attention of all queries.
  attention_view(const T* numbers, std::size_t heads, std::size_t tokens)
      : attention_view(numbers, heads, tokens, tokens, 0) {}
  /// Views the attention of the last query alone, (heads, tokens).
  static attention_view of_last_query(const T* numbers, std::size_t heads, std::size_t tokens) {
    return {numbers, heads, tokens == 0 ? 0u : 1u, tokens, tokens == 0 ? 0 : tokens - 1};
  }

  constexpr bool empty() const noexcept { return heads_ * queries_ * tokens_ == 0; }
  TAMP_FN constexpr const T* data() const noexcept { return numbers_; }
  TAMP_FN constexpr std::size_t heads() const noexcept { return heads_; }
  TAMP_FN constexpr std::size_t queries() const noexcept { return queries_; }
  TAMP_FN constexpr std::size_t tokens() const noexcept { return tokens_; }
  TAMP_FN constexpr std::size_t first_query() const noexcept { return first_query_; }
  /// Of heads, queries and tokens.
  constexpr std::array<std::ptrdiff_t, 3> strides() const noexcept {
    return {head_stride_, query_stride_, token_stride_};
  }
  /// True if the queries of tokens [begin, end) are present.
  constexpr bool covers(std::size_t begin, std::size_t end) const noexcept {
    return !empty() && first_query_ <= begin && end <= first_query_ + queries_;
  }
  /// The offset of a number.
  TAMP_FN constexpr std::ptrdiff_t offset(std::size_t head, std::size_t query,
                                          std::size_t token) const noexcept {
    return static_cast<std::ptrdiff_t>(head) * head_stride_ +
           static_cast<std::ptrdiff_t>(query - first_query_) * query_stride_ +
           static_cast<std::ptrdiff_t>(token) * token_stride_;
  }
  /// The place of a number in the order of heads, queries and tokens.
  TAMP_FN constexpr std::size_t place(std::size_t head, std::size_t query,
                                      std::size_t token) const noexcept {
    return (head * queries_ + query - first_query_) * tokens_ + token;
  }

 private:
  void check_queries() const {
    if (first_query_ > tokens_ || queries_ > tokens_ - first_query_)
      tamp::detail::raise<shape_error>("attention_view: ", queries_, " queries from token ",
                                       first_query_, " on leave a sequence of ", tokens_,
                                       " tokens");
  }

  const T* numbers_ = nullptr;
  std::size_t heads_ = 0, queries_ = 0, tokens_ = 0, first_query_ = 0;
  std::ptrdiff_t head_stride_ = 0, query_stride_ = 0, token_stride_ = 1;
};

/// token::context with its attention on the GPU. The kinds of the tokens are on the CPU: the host
/// made the sequence, and so shapes and counts are known without waiting.
template <class T = float>
struct token_context {
  std::span<const modality> kinds{};  ///< (tokens,) on the CPU; all but text may be dropped
  attention_view<T> attention{};      ///< of this layer, on the GPU
};

}  // namespace tamp::inline TAMP_FLAGS::cuda

namespace tamp::inline TAMP_FLAGS::detail {

/// The facts about a sequence that are known without the GPU.
struct device_sequence {
  std::size_t tokens = 0, visual = 0;
  std::size_t first = 0;              ///< the first visual token
  std::size_t after = 0;              ///< the first token after the last visual one
  std::vector<std::uint8_t> visuals;  ///< (tokens,): 1 for a visual token

  template <class T>
  explicit device_sequence(const cuda::token_context<T>& c)
      : tokens(c.kinds.size()), first(tokens), visuals(tokens) {
    for (std::size_t t = tokens; t-- > 0;)
      if (c.kinds[t] != modality::text) {
        if (visual++ == 0) after = t + 1;
        visuals[t] = 1;
        first = t;
      }
  }
};

/// Makes the checks of shapes of check_context, with the same sentences. The kernels check the
/// numbers.
template <class T>
void check_device_context(const cuda::on_stream& on, std::string_view who,
                          const cuda::token_context<T>& c, observable reads) {
  check_list(who, "kinds", c.kinds);
  if (c.kinds.size() > 0xffffffffu)
    raise<shape_error>(who, ": ", c.kinds.size(), " tokens are more than the kernels count");
  if (!c.attention.empty() && c.attention.tokens() != c.kinds.size())
    raise<shape_error>(who, ": the attention covers ", c.attention.tokens(), " tokens, the kinds ",
                       c.kinds.size());
  if (!on.is_measured() && !c.attention.empty() && c.attention.data() == nullptr)
    raise<shape_error>(who, ": the attention lies at a null pointer");
  const token::context known{.kinds = c.kinds};
  if (known.text_begin() == 0) return;
  observable missing = reads;
  for (const observable part :
       {observable::last_query, observable::text_queries, observable::visual_queries})
    if (const query_range q(known, part); q.begin < q.end && c.attention.covers(q.begin, q.end))
      missing = missing & ~part;
  if (missing != observable::none)
    raise<value_error>(who, " reads ", names(missing), ", which the context does not show");
}

/// Converts a context to the types for which kernels are compiled: see as_twin of views.cuh.
template <class T>
auto as_twin(const cuda::token_context<T>& c) {
  using twin = typename twin_of<T>::type;
  const auto& a = c.attention;
  return cuda::token_context<twin>{
      c.kinds, cuda::attention_view<twin>(reinterpret_cast<const twin*>(a.data()),
                                          {a.heads(), a.queries(), a.tokens()}, a.strides(),
                                          a.first_query())};
}

/// The number of visual tokens that are dropped.
inline std::size_t dropped_tokens(std::string_view who, const device_sequence& sequence,
                                  token::quota q) {
  if (q.minimum_per_image != 0)
    raise<value_error>(who, ": a minimum of ", q.minimum_per_image,
                       " tokens per image is chosen by the CPU's token::select alone");
  if (q.minimum_per_frame != 0 || !q.per_frame.empty())
    raise<value_error>(who, ": numbers of frames are chosen by the CPU's token::select alone");
  return sequence.visual - (std::min)(sequence.visual, q.keep);
}

/// Returns a function that throws the exception of check_attention. A place is one of
/// attention_view.
template <class T>
cuda::index_list::refusal refuse_attention(std::string_view who,
                                           const cuda::attention_view<T>& attention) {
  return [who, attention](std::size_t place, double value) {
    const std::size_t row = place / attention.tokens();
    raise<value_error>(who, ": the attention of head ", row / attention.queries(), ", query ",
                       attention.first_query() + row % attention.queries(), " to token ",
                       place % attention.tokens(), " is ", static_cast<float>(value));
  };
}

/// Returns an attention as a float, and notes a number that cannot be used.
template <class T>
__device__ float checked_attention(const cuda::attention_view<T>& a, std::size_t head,
                                   std::size_t query, std::size_t token, list_status* status) {
  const float number = number_of(a.data()[a.offset(head, query, token)]);
  if (!is_nonnegative(number)) atomicMin(&status->place, wide{a.place(head, query, token)});
  return number;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

// Chosen if the policy's own header is missing, since any declaration there fits better.
template <class Policy, class T>
void run_on(any_stream, const token::select_operation&, const token_context<T>&, const Policy&,
            token::quota) {
  static_assert(sizeof(Policy) == 0,
                "this policy chooses tokens on the CPU alone, or its header, such as "
                "<tamp/cuda/attention_top_k.cuh>, is not included");
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
