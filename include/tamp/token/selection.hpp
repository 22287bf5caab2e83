#pragma once

/// @file
/// The decision of a token policy.

#include <cstddef>
#include <limits>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The decision of a token policy on one sequence. A value: it moves nothing (see gather.hpp).
struct [[nodiscard]] selection {
  /// The entry of `into` for a token that was dropped, not merged.
  static constexpr std::size_t nowhere = (std::numeric_limits<std::size_t>::max)();

  std::vector<std::size_t> kept;  ///< the tokens that stay, ascending
  std::vector<std::size_t> into;  ///< of a merging policy, (tokens,): the place in `kept` of the
                                  ///< token that each is now part of, or nowhere

  bool merges() const noexcept { return !into.empty(); }
  friend bool operator==(const selection&, const selection&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
