#pragma once

/// @file
/// Checks that a context is consistent and shows the observables that a policy reads.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/number_range.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../model/observable.hpp"
#include "../../simd/finite_checks.hpp"
#include "../context.hpp"
#include "../rows_view.hpp"
#include "../shown.hpp"
#include "../tokens_read.hpp"
#include "attention_rows.hpp"
#include "frames.hpp"
#include "query_range.hpp"
#include "token_rows.hpp"

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

inline void check_rows(std::string_view who, std::string_view what, const token::rows_view& rows,
                       std::size_t tokens) {
  check_size(who, what, rows.rows(), tokens);
  if (!rows.empty()) rows.check_memory(sentence(who, ": ", what));
}

/// Checks the numbers of the tokens for which `is_read` returns true.
template <class IsRead>
void check_finite(std::string_view who, std::string_view what, const token::rows_view& numbers,
                  const IsRead& is_read) {
  row_reader read(numbers);
  for (std::size_t t = 0; t < numbers.rows(); ++t) {
    if (!is_read(t)) continue;
    const std::span<const float> row = read(t);
    if (with_finite_checks([&](auto loops) { return loops.row_is_finite(row.data(), row.size()); }))
      continue;
    std::size_t j = 0;
    while (is_finite(row[j])) ++j;
    raise<value_error>(who, ": the ", what, " of token ", t, ", feature ", j, " is ", row[j]);
  }
}

/// Returns true if the query of a token is one of those that `reads` names.
inline bool is_query(const token::context& c, observable reads, std::size_t query,
                     std::size_t text_begin) {
  return includes(reads, observable::attention) ||
         (includes(reads, observable::last_query) && query + 1 == c.tokens()) ||
         (includes(reads, observable::text_queries) &&
          (query >= text_begin || query + 1 == c.tokens())) ||
         (includes(reads, observable::visual_queries) && c.is_visual(query));
}

/// Checks the attention of the queries that `reads` names to the tokens for which `is_read` returns
/// true.
template <class IsRead>
void check_attention(std::string_view who, const token::context& c, observable reads,
                     const IsRead& is_read) {
  const query_range range(c, reads);
  const std::size_t text_begin = c.text_begin();
  std::vector<float> buffer;
  for (std::size_t head = 0; head < c.attention.heads(); ++head)
    for (std::size_t query = range.begin; query < range.end; ++query) {
      if (!is_query(c, reads, query, text_begin)) continue;
      const std::span<const float> row = c.attention.row(head, query, buffer);
      if (are_attention(row)) continue;
      for (std::size_t t = 0; t < row.size(); ++t)
        if (!is_nonnegative(row[t]) && is_read(t))
          raise<value_error>(who, ": the attention of head ", head, ", query ", query, " to token ",
                             t, " is ", row[t]);
    }
}

/// Refuses a context that is inconsistent, or that does not show the observables that `who` reads,
/// or in which they are not numbers that can be used. Of tokens that are not in `tokens_read`, and
/// of a context without visual tokens, nothing is examined but the sizes.
inline void check_context(std::string_view who, const token::context& c, observable reads,
                          const token::tokens_read& read = {}) {
  const std::size_t tokens = c.tokens();
  check_list_of_tokens(who, "kinds", c.kinds, tokens);
  if (!c.attention.empty() && c.attention.tokens() != tokens)
    raise<shape_error>(who, ": the attention covers ", c.attention.tokens(), " tokens, the kinds ",
                       tokens);
  check_rows(who, "hidden states", c.hidden, tokens);
  check_rows(who, "keys", c.keys, tokens);
  check_list_of_tokens(who, "relevances", c.relevance, tokens);
  check_list_of_tokens(who, "importances", c.importance, tokens);
  check_list_of_tokens(who, "images", c.images, tokens);
  check_list_of_tokens(who, "positions", c.positions, tokens);
  check_list_of_tokens(who, "sizes", c.sizes, tokens);
  check_grids(who, c);
  if (c.text_begin() == 0) return;
  if (const observable missing = reads & ~shown(c); missing != observable::none)
    raise<value_error>(who, " reads ", names(missing), ", which the context does not show");
  check_attention(who, c, reads, set_members(c, read.attention));
  if (includes(reads, observable::hidden))
    check_finite(who, "hidden state", c.hidden, set_members(c, read.hidden));
  if (includes(reads, observable::keys))
    check_finite(who, "key", c.keys, set_members(c, read.keys));
  const set_members has_relevance(c, read.relevance);
  for (std::size_t t = 0; t < c.relevance.size(); ++t)
    if (!is_finite(c.relevance[t]) && has_relevance(t))
      raise<value_error>(who, ": the relevance of token ", t, " is ", c.relevance[t]);
  if (includes(reads, observable::importance))
    for (std::size_t t = 0; t < tokens; ++t)
      if (!is_finite(c.importance[t]) && c.is_visual(t))
        raise<value_error>(who, ": the importance of token ", t, " is ", c.importance[t]);
  for (std::size_t t = 0; t < c.sizes.size(); ++t)
    if (!is_positive(c.sizes[t]))
      raise<value_error>(who, ": the size of token ", t, " is ", c.sizes[t]);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
