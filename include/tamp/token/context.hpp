#pragma once

/// @file
/// What a token policy sees of one sequence at one layer.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../error.hpp"
#include "../tensor/element.hpp"
#include "../tensor/view.hpp"
#include "modality.hpp"

namespace tamp::token {

/// What a host can show of a sequence, and what a policy `reads`. A set: `sight::keys |
/// sight::last_query`. A host whose attention is fused, and which can only run the last query once
/// more, still serves every policy that reads no more than last_query, hidden and keys.
enum class sight : unsigned {
  none = 0,
  attention = 1,       ///< probabilities of some queries, whichever
  last_query = 2,      ///< those of the last token
  text_queries = 4,    ///< those of all tokens after the last visual one
  visual_queries = 8,  ///< those of all visual tokens
  hidden = 16,         ///< hidden states
  keys = 32,           ///< keys of the attention
};

constexpr sight operator|(sight a, sight b) noexcept {
  return static_cast<sight>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr sight operator&(sight a, sight b) noexcept {
  return static_cast<sight>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr sight operator~(sight a) noexcept {
  return static_cast<sight>(~static_cast<unsigned>(a));
}

/// Whether `all` has everything of `part`.
constexpr bool includes(sight all, sight part) noexcept { return (all & part) == part; }

/// The members of a set, for sentences: "the attention of the last query and keys".
inline std::string names(sight set) {
  static constexpr struct {
    sight one;
    const char* name;
  } known[] = {{sight::attention, "attention"},
               {sight::last_query, "the attention of the last query"},
               {sight::text_queries, "the attention of the text after the last visual token"},
               {sight::visual_queries, "the attention of the visual tokens"},
               {sight::hidden, "hidden states"},
               {sight::keys, "keys"}};
  std::string text;
  for (const auto& [one, name] : known)
    if (includes(set, one)) text.append(text.empty() ? "" : " and ").append(name);
  return text.empty() ? "nothing" : text;
}

/// Attention probabilities of `queries` tokens in a row, the first of which is token first_query:
/// numbers (heads, queries, tokens), one after another, that belong to the host.
class attention_view {
 public:
  attention_view() = default;
  /// @throws shape_error if the numbers are not heads * queries * tokens, or the queries leave the
  ///         sequence
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t queries,
                 std::size_t tokens, std::size_t first_query)
      : numbers_(numbers),
        heads_(heads),
        queries_(queries),
        tokens_(tokens),
        first_query_(first_query) {
    if (numbers.size() != heads * queries * tokens)
      detail::raise<shape_error>("attention_view: ", numbers.size(), " numbers are not ", heads,
                                 " heads x ", queries, " queries x ", tokens, " tokens");
    if (first_query > tokens || queries > tokens - first_query)
      detail::raise<shape_error>("attention_view: queries ", first_query, " to ",
                                 first_query + queries, " leave a sequence of ", tokens, " tokens");
  }
  /// Of all queries.
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t tokens)
      : attention_view(numbers, heads, tokens, tokens, 0) {}

  bool empty() const noexcept { return numbers_.empty(); }
  std::size_t heads() const noexcept { return heads_; }
  std::size_t queries() const noexcept { return queries_; }
  std::size_t tokens() const noexcept { return tokens_; }
  std::size_t first_query() const noexcept { return first_query_; }
  std::span<const float> numbers() const noexcept { return numbers_; }

  /// Whether the queries of tokens [begin, end) are there.
  bool covers(std::size_t begin, std::size_t end) const noexcept {
    return !empty() && first_query_ <= begin && end <= first_query_ + queries_;
  }
  /// What token `query` attends to, in one head: (tokens,). The query must be there.
  std::span<const float> row(std::size_t head, std::size_t query) const noexcept {
    return numbers_.subspan((head * queries_ + query - first_query_) * tokens_, tokens_);
  }

 private:
  std::span<const float> numbers_;
  std::size_t heads_ = 0, queries_ = 0, tokens_ = 0, first_query_ = 0;
};

/// One sequence at one layer, as a host shows it: views, nothing is copied. Only `kinds` must be
/// there; what else, is the policy's to say.
struct context {
  std::span<const modality> kinds{};         ///< (tokens,); all but text is visual: it may go
  attention_view attention{};                ///< of this layer
  matrix_view<const float> hidden{};         ///< (tokens, features)
  matrix_view<const float> keys{};           ///< (tokens, kv_heads * head_dim)
  std::span<const float> relevance{};        ///< (tokens,) to the question, if the host knows
  std::span<const std::uint32_t> images{};   ///< (tokens,), the image of a visual token; if empty,
                                             ///< an unbroken run of one kind is an image
  std::span<const std::size_t> positions{};  ///< (tokens,) before anything was dropped, or empty
  std::span<const float> sizes{};  ///< (tokens,) how many tokens each stands for, or empty
  std::size_t layer = 0;
  std::uint64_t sequence = 0;  ///< number of the sequence, so that chance differs between them

  std::size_t tokens() const noexcept { return kinds.size(); }
  bool is_visual(std::size_t token) const noexcept { return kinds[token] != modality::text; }
  /// Where the token stood before anything was dropped.
  std::size_t position(std::size_t token) const noexcept {
    return positions.empty() ? token : positions[token];
  }
  /// The tokens that may go, ascending.
  std::vector<std::size_t> visual() const {
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (is_visual(t)) tokens.push_back(t);
    return tokens;
  }
};

/// What a context shows.
inline sight shown(const context& c) {
  sight all = sight::none;
  if (c.hidden.rows() == c.tokens()) all = all | sight::hidden;
  if (c.keys.rows() == c.tokens()) all = all | sight::keys;
  if (c.attention.empty()) return all;
  all = all | sight::attention;
  std::size_t first = c.tokens(), last = 0;
  for (std::size_t t = 0; t < c.tokens(); ++t)
    if (c.is_visual(t)) {
      first = (std::min)(first, t);
      last = t + 1;
    }
  if (c.attention.covers(c.tokens() - 1, c.tokens())) all = all | sight::last_query;
  if (c.attention.covers(last, c.tokens())) all = all | sight::text_queries;
  if (first < last && c.attention.covers(first, last)) all = all | sight::visual_queries;
  return all;
}

namespace detail {

using tamp::detail::raise;

inline void check_size(std::string_view who, std::string_view what, std::size_t size,
                       std::size_t tokens) {
  if (size != 0 && size != tokens)
    raise<shape_error>(who, ": the ", what, " cover ", size, " tokens, the kinds ", tokens);
}

inline void check_finite(std::string_view who, std::string_view what,
                         matrix_view<const float> numbers) {
  for (std::size_t i = 0; i < numbers.rows(); ++i)
    for (std::size_t j = 0; j < numbers.cols(); ++j)
      if (!is_finite(numbers(i, j)))
        raise<value_error>(who, ": the ", what, " of token ", i, ", feature ", j, " is ",
                           numbers(i, j));
}

/// Refuses a context that contradicts itself, or does not show what `who` reads.
inline void check(std::string_view who, const context& c, sight reads) {
  const std::size_t tokens = c.tokens();
  if (!c.attention.empty() && c.attention.tokens() != tokens)
    raise<shape_error>(who, ": the attention covers ", c.attention.tokens(), " tokens, the kinds ",
                       tokens);
  check_size(who, "hidden states", c.hidden.rows(), tokens);
  check_size(who, "keys", c.keys.rows(), tokens);
  check_size(who, "relevances", c.relevance.size(), tokens);
  check_size(who, "images", c.images.size(), tokens);
  check_size(who, "positions", c.positions.size(), tokens);
  check_size(who, "sizes", c.sizes.size(), tokens);
  if (tokens == 0) return;
  if (const sight missing = reads & ~shown(c); missing != sight::none)
    raise<value_error>(who, " reads ", names(missing), ", which the context does not show");
  constexpr sight any_attention =
      sight::attention | sight::last_query | sight::text_queries | sight::visual_queries;
  if ((reads & any_attention) != sight::none) {
    const std::span<const float> numbers = c.attention.numbers();
    unsigned broken = 0;
    for (const float a : numbers) broken |= unsigned{!(a >= 0 && is_finite(a))};
    for (std::size_t k = 0; broken != 0 && k < numbers.size(); ++k)
      if (const float a = numbers[k]; !(a >= 0 && is_finite(a)))
        raise<value_error>(who, ": the attention of head ", k / (c.attention.queries() * tokens),
                           ", query ",
                           c.attention.first_query() + k / tokens % c.attention.queries(),
                           " to token ", k % tokens, " is ", a);
  }
  if (includes(reads, sight::hidden)) check_finite(who, "hidden state", c.hidden);
  if (includes(reads, sight::keys)) check_finite(who, "key", c.keys);
  for (std::size_t t = 0; t < c.relevance.size(); ++t)
    if (!is_finite(c.relevance[t]))
      raise<value_error>(who, ": the relevance of token ", t, " is ", c.relevance[t]);
  for (std::size_t t = 0; t < c.sizes.size(); ++t)
    if (!(c.sizes[t] > 0 && is_finite(c.sizes[t])))
      raise<value_error>(who, ": the size of token ", t, " is ", c.sizes[t]);
}

}  // namespace detail
}  // namespace tamp::token
