#pragma once

/// @file
/// What a token policy sees of one sequence at one layer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../model/modality.hpp"
#include "../tensor/traits.hpp"
#include "detail/attention_rows.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// What a host can show of a sequence, and what a policy `reads`. A set: `sight::keys |
/// sight::last_query`. A host whose attention is fused, and which can only run the last query once
/// more, still serves every policy that reads no more than last_query, hidden and keys.
enum class sight : unsigned {
  none = 0,
  attention = 1,       ///< probabilities of some queries, whichever
  last_query = 2,      ///< those of the last token
  text_queries = 4,    ///< those of the text after the last visual token, or of the last token if
                       ///< there is no such text
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
  /// @throws shape_error if the numbers are not heads * queries * tokens or lie at a null pointer,
  ///         or the queries leave the sequence
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t queries,
                 std::size_t tokens, std::size_t first_query)
      : numbers_(numbers),
        heads_(heads),
        queries_(queries),
        tokens_(tokens),
        first_query_(first_query) {
    const bool wraps =
        heads != 0 && tokens != 0 &&
        (!detail::product_fits(heads, queries) || !detail::product_fits(heads * queries, tokens));
    if (wraps || numbers.size() != heads * queries * tokens)
      detail::raise<shape_error>("attention_view: ", numbers.size(), " numbers are not ", heads,
                                 " heads x ", queries, " queries x ", tokens, " tokens");
    if (first_query > tokens || queries > tokens - first_query)
      detail::raise<shape_error>("attention_view: ", queries, " queries from token ", first_query,
                                 " on leave a sequence of ", tokens, " tokens");
    detail::check_list("attention_view", "numbers", numbers);
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
  /// What token `query` attends to, in one head: (tokens,). Requires a head below heads(), and one
  /// of the queries that are there.
  std::span<const float> row(std::size_t head, std::size_t query) const noexcept {
    TAMP_EXPECTS(head < heads_ && query >= first_query_ && query - first_query_ < queries_,
                 "attention_view: the row of head ", head, ", query ", query, " of ", heads_,
                 " heads and ", queries_, " queries from ", first_query_, " on");
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
  /// Requires a token below tokens(); so does `position`.
  bool is_visual(std::size_t token) const noexcept {
    expect_token(token);
    return kinds[token] != modality::text;
  }
  /// Where the token stood before anything was dropped.
  std::size_t position(std::size_t token) const noexcept {
    expect_token(token);
    return positions.empty() ? token : positions[token];
  }
  /// The tokens that may go, ascending.
  std::vector<std::size_t> visual() const {
    std::vector<std::size_t> tokens;
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (is_visual(t)) tokens.push_back(t);
    return tokens;
  }
  /// Where the text after the last visual token begins: tokens() if there is none.
  std::size_t text_begin() const noexcept {
    std::size_t begin = tokens();
    while (begin != 0 && !is_visual(begin - 1)) --begin;
    return begin;
  }
  void expect_token([[maybe_unused]] std::size_t token) const noexcept {
    TAMP_EXPECTS(token < tokens(), "context: token ", token, " of ", tokens());
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// The queries from the first to the last that `of` means; begin is not below end if there are
/// none.
struct query_range {
  std::size_t begin = 0, end = 0;

  query_range(const token::context& c, token::sight of) {
    const std::size_t tokens = c.tokens(), text = c.text_begin();
    if (tokens == 0) return;
    begin = tokens;
    if (includes(of, token::sight::attention))
      widen(c.attention.first_query(), c.attention.first_query() + c.attention.queries());
    if (includes(of, token::sight::last_query)) widen(tokens - 1, tokens);
    if (includes(of, token::sight::text_queries)) widen((std::min)(text, tokens - 1), tokens);
    if (includes(of, token::sight::visual_queries) && text != 0) {
      std::size_t first = 0;
      while (!c.is_visual(first)) ++first;
      widen(first, text);
    }
  }

 private:
  void widen(std::size_t first, std::size_t past) noexcept {
    begin = (std::min)(begin, first);
    end = (std::max)(end, past);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// What a context shows.
inline sight shown(const context& c) {
  sight all = sight::none;
  if (c.hidden.rows() == c.tokens()) all = all | sight::hidden;
  if (c.keys.rows() == c.tokens()) all = all | sight::keys;
  for (const sight part :
       {sight::attention, sight::last_query, sight::text_queries, sight::visual_queries})
    if (const detail::query_range q(c, part); q.begin < q.end && c.attention.covers(q.begin, q.end))
      all = all | part;
  return all;
}

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

inline void check_size(std::string_view who, std::string_view what, std::size_t size,
                       std::size_t tokens) {
  if (size != 0 && size != tokens)
    raise<shape_error>(who, ": the ", what, " cover ", size, " tokens, the kinds ", tokens);
}

template <class T>
void check_list_of_tokens(std::string_view who, std::string_view what, std::span<const T> list,
                          std::size_t tokens) {
  check_size(who, what, list.size(), tokens);
  check_list(who, what, list);
}

inline void check_rows(std::string_view who, std::string_view what,
                       const matrix_view<const float>& rows, std::size_t tokens) {
  check_size(who, what, rows.rows(), tokens);
  if (!rows.empty()) check_memory(sentence(who, ": ", what), rows);
}

inline void check_finite(std::string_view who, std::string_view what,
                         matrix_view<const float> numbers) {
  for (std::size_t i = 0; i < numbers.rows(); ++i)
    for (std::size_t j = 0; j < numbers.cols(); ++j)
      if (!is_finite(numbers(i, j)))
        raise<value_error>(who, ": the ", what, " of token ", i, ", feature ", j, " is ",
                           numbers(i, j));
}

/// Of the queries [begin, end) only, since what a host leaves in others is not read.
inline void check_attention(std::string_view who, const token::attention_view& attention,
                            std::size_t begin, std::size_t end) {
  for (std::size_t head = 0; head < attention.heads(); ++head)
    for (std::size_t query = begin; query < end; ++query) {
      const std::span<const float> row = attention.row(head, query);
      if (are_attention(row)) continue;
      for (std::size_t t = 0; t < row.size(); ++t)
        if (!is_nonnegative(row[t]))
          raise<value_error>(who, ": the attention of head ", head, ", query ", query, " to token ",
                             t, " is ", row[t]);
    }
}

/// Refuses a context that contradicts itself, or does not show what `who` reads. Where
/// nothing is visual, there is nothing to read.
inline void check_context(std::string_view who, const token::context& c, token::sight reads) {
  const std::size_t tokens = c.tokens();
  check_list_of_tokens(who, "kinds", c.kinds, tokens);
  if (!c.attention.empty() && c.attention.tokens() != tokens)
    raise<shape_error>(who, ": the attention covers ", c.attention.tokens(), " tokens, the kinds ",
                       tokens);
  check_rows(who, "hidden states", c.hidden, tokens);
  check_rows(who, "keys", c.keys, tokens);
  check_list_of_tokens(who, "relevances", c.relevance, tokens);
  check_list_of_tokens(who, "images", c.images, tokens);
  check_list_of_tokens(who, "positions", c.positions, tokens);
  check_list_of_tokens(who, "sizes", c.sizes, tokens);
  if (c.text_begin() == 0) return;
  if (const token::sight missing = reads & ~shown(c); missing != token::sight::none)
    raise<value_error>(who, " reads ", names(missing), ", which the context does not show");
  if (const query_range read(c, reads); read.begin < read.end)
    check_attention(who, c.attention, read.begin, read.end);
  if (includes(reads, token::sight::hidden)) check_finite(who, "hidden state", c.hidden);
  if (includes(reads, token::sight::keys)) check_finite(who, "key", c.keys);
  for (std::size_t t = 0; t < c.relevance.size(); ++t)
    if (!is_finite(c.relevance[t]))
      raise<value_error>(who, ": the relevance of token ", t, " is ", c.relevance[t]);
  for (std::size_t t = 0; t < c.sizes.size(); ++t)
    if (!is_positive(c.sizes[t]))
      raise<value_error>(who, ": the size of token ", t, " is ", c.sizes[t]);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
