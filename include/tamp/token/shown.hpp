#pragma once

/// @file
/// The observables that a context shows.

#include "../model/observable.hpp"
#include "context.hpp"
#include "detail/query_range.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Returns all observables that a context shows.
inline observable shown(const context& c) {
  observable all = observable::none;
  if (c.hidden.rows() == c.tokens()) all = all | observable::hidden;
  if (c.keys.rows() == c.tokens()) all = all | observable::keys;
  if (!c.grids.empty()) all = all | observable::grid;
  if (c.importance.size() == c.tokens()) all = all | observable::importance;
  for (const observable part : {observable::attention, observable::last_query,
                                observable::text_queries, observable::visual_queries})
    if (const detail::query_range q(c, part); q.begin < q.end && c.attention.covers(q.begin, q.end))
      all = all | part;
  return all;
}

}  // namespace tamp::inline TAMP_FLAGS::token
