#pragma once

/// @file
/// Checks that a context is consistent and shows the observables that a policy reads.

#include <cstddef>
#include <span>
#include <string_view>

#include "../../detail/checked.hpp"
#include "../../detail/number_range.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../model/observable.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/view.hpp"
#include "../context.hpp"
#include "../shown.hpp"
#include "attention_rows.hpp"
#include "query_range.hpp"

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
  if (const auto at = first_not_finite(numbers, 0, numbers.rows()))
    raise<value_error>(who, ": the ", what, " of token ", at.row, ", feature ", at.column, " is ",
                       at.value);
}

/// Checks the attention of queries [begin, end). Other queries are not read.
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

/// Refuses a context that is inconsistent, or that does not show the observables that `who` reads.
/// A context without visual tokens is not read.
inline void check_context(std::string_view who, const token::context& c, observable reads) {
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
  if (const observable missing = reads & ~shown(c); missing != observable::none)
    raise<value_error>(who, " reads ", names(missing), ", which the context does not show");
  if (const query_range read(c, reads); read.begin < read.end)
    check_attention(who, c.attention, read.begin, read.end);
  if (includes(reads, observable::hidden)) check_finite(who, "hidden state", c.hidden);
  if (includes(reads, observable::keys)) check_finite(who, "key", c.keys);
  for (std::size_t t = 0; t < c.relevance.size(); ++t)
    if (!is_finite(c.relevance[t]))
      raise<value_error>(who, ": the relevance of token ", t, " is ", c.relevance[t]);
  for (std::size_t t = 0; t < c.sizes.size(); ++t)
    if (!is_positive(c.sizes[t]))
      raise<value_error>(who, ": the size of token ", t, " is ", c.sizes[t]);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
