#pragma once

/// @file
/// A view of the attention probabilities of some queries in a host's memory.

#include <cstddef>
#include <span>

#include "../detail/checked.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The attention probabilities of `queries` consecutive tokens, the first of which is token
/// first_query: a contiguous array (heads, queries, tokens) that the host owns.
class attention_view {
 public:
  attention_view() = default;
  /// @throws shape_error if there are not heads * queries * tokens numbers, if they lie at a null
  ///         pointer, or if the queries leave the sequence
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
  /// Views the attention of all queries.
  attention_view(std::span<const float> numbers, std::size_t heads, std::size_t tokens)
      : attention_view(numbers, heads, tokens, tokens, 0) {}

  bool empty() const noexcept { return numbers_.empty(); }
  std::size_t heads() const noexcept { return heads_; }
  std::size_t queries() const noexcept { return queries_; }
  std::size_t tokens() const noexcept { return tokens_; }
  std::size_t first_query() const noexcept { return first_query_; }
  std::span<const float> numbers() const noexcept { return numbers_; }

  /// True if the queries of tokens [begin, end) are present.
  bool covers(std::size_t begin, std::size_t end) const noexcept {
    return !empty() && first_query_ <= begin && end <= first_query_ + queries_;
  }
  /// Returns the attention of token `query` in one head, (tokens,). `head` must be below heads(),
  /// and `query` must be present.
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
