#pragma once

/// @file
/// A selection in the order of the published method.

#include <cstddef>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "selection.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Returns the selection with its kept tokens in the order of the published method, so that
/// gather_rows, gather_elements, merge_rows and merged_sizes produce that order.
///
/// Use it in an encoder whose tokens may change their places, or where the next layer's decision
/// depends on them, as token::tome's does. Positions and kinds must be gathered in the same order.
/// Do not use it where the places mean something, as under a causal mask.
///
///     kept[k] = s.kept[s.order[k]],  into and targets likewise,  order = {}
///
/// Without an order the selection is returned as it is.
/// @throws shape_error if the order is none of the kept tokens, each once, or `into` or `targets`
///         names a place that does not exist
inline selection in_published_order(selection s) {
  const std::size_t count = s.kept.size();
  if (s.order.empty()) return s;
  if (s.order.size() != count)
    detail::raise<shape_error>("in_published_order: the order has ", s.order.size(),
                               " places, and ", count, " tokens are kept");
  return detail::with_memory("in_published_order", [&] {
    std::vector<std::size_t> kept, place(count, selection::nowhere);  // new places, by old ones
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t old = s.order[k];
      if (old >= count || place[old] != selection::nowhere)
        detail::raise<shape_error>("in_published_order: entry ", k, " of the order is ", old,
                                   old >= count ? ", of " : ", as one before it, of ", count,
                                   " kept tokens");
      place[old] = k;
      kept.push_back(s.kept[old]);
    }
    const auto renamed = [&](std::size_t old) {
      if (old >= count)
        detail::raise<shape_error>("in_published_order: place ", old, " is none of ", count,
                                   " kept tokens");
      return place[old];
    };
    for (std::size_t& to : s.into)
      if (to != selection::nowhere) to = renamed(to);
    std::vector<bool> target(count);
    for (const std::size_t old : s.targets) target[renamed(old)] = true;
    s.targets.clear();
    for (std::size_t k = 0; k < count; ++k)
      if (target[k]) s.targets.push_back(k);
    s.kept = std::move(kept);
    s.order.clear();
    return std::move(s);
  });
}

}  // namespace tamp::inline TAMP_FLAGS::token
