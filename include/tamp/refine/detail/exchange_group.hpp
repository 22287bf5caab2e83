#pragma once

/// @file
/// The columns of a row among which a pattern lets weights take each other's places.

#include <cstddef>
#include <type_traits>

#include "../../pattern/per_row.hpp"
#include "../../pattern/per_tensor.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The number of consecutive columns that a pattern decides together, or 0 if a weight may take the
/// place of any other of its row.
template <class Pattern>
consteval std::size_t exchange_group() {
  if constexpr (requires { Pattern::group; }) {
    return Pattern::group;
  } else {
    constexpr bool is_free = std::is_same_v<Pattern, pattern::per_row> ||
                             std::is_same_v<Pattern, pattern::per_tensor> ||
                             requires { requires Pattern::exchanges_in_rows; };
    static_assert(is_free,
                  "a refinement does not know which weights of this pattern may take each other's "
                  "places: give it `static constexpr std::size_t group`, the number of columns "
                  "that are decided together, or `static constexpr bool exchanges_in_rows = true`");
    return 0;
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
