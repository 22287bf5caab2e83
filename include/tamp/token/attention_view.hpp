#pragma once

/// @file
/// Attention probabilities of some queries, as they lie in a host's memory.

#include <cstddef>
#include <span>

#include "../detail/checked.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::token {

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

}  // namespace tamp::inline TAMP_FLAGS::token
