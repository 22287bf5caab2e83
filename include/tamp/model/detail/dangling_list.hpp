#pragma once

/// @file
/// Lists that are gone before an observer reads them.

#include <ranges>
#include <type_traits>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The type, as a forwarding reference deduces it, of a temporary list whose numbers are gone with it.
template <class List>
concept dangling_list = !std::is_lvalue_reference_v<List> && std::ranges::contiguous_range<List> &&
                        !std::ranges::borrowed_range<List>;

/// Refuses such a list.
template <dangling_list List>
consteval void refuse_temporary() {
  static_assert(
      !dangling_list<List>,
      "this list is a temporary, and its numbers are gone before the layers of the sample "
      "are shown: give it a name");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
