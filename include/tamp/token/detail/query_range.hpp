#pragma once

/// @file
/// The queries whose attention an observable comprises.

#include <algorithm>
#include <cstddef>

#include "../../model/observable.hpp"
#include "../context.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The range of queries that contains all queries of the observable `of`. It is empty, with begin
/// >= end, if there are none.
struct query_range {
  std::size_t begin = 0, end = 0;

  query_range(const token::context& c, observable of) {
    const std::size_t tokens = c.tokens(), text = c.text_begin();
    if (tokens == 0) return;
    begin = tokens;
    if (includes(of, observable::attention))
      widen(c.attention.first_query(), c.attention.first_query() + c.attention.queries());
    if (includes(of, observable::last_query)) widen(tokens - 1, tokens);
    if (includes(of, observable::text_queries)) widen((std::min)(text, tokens - 1), tokens);
    if (includes(of, observable::visual_queries) && text != 0) {
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
