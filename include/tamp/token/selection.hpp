#pragma once

/// @file
/// The decision of a token policy, and the answer of a merging policy that leads to it.

#include <cstddef>
#include <limits>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The answer of a merging policy on candidates, which are tokens of a context.
struct [[nodiscard]] merging {
  /// Of each candidate: the one into which it merges (itself if it stays), or selection::nowhere.
  std::vector<std::size_t> into;
  /// The candidates that stay, in the order of the published method. Empty: ascending.
  std::vector<std::size_t> order{};
  /// The candidates that stand for merged ones, where a method tells them from the others. Distinct.
  std::vector<std::size_t> targets{};

  friend bool operator==(const merging&, const merging&) = default;
};

/// The decision of a token policy on one sequence. A value: it moves nothing (see gather.hpp).
struct [[nodiscard]] selection {
  /// The entry of `into` for a token that was dropped, not merged.
  static constexpr std::size_t nowhere = (std::numeric_limits<std::size_t>::max)();

  /// The tokens that stay, ascending, until token::in_published_order rearranges them.
  std::vector<std::size_t> kept;
  /// Of a merging policy, (tokens,): the place in `kept` of the token that each is now part of, or
  /// nowhere. Of a dropping policy, empty.
  std::vector<std::size_t> into{};
  /// Places in `kept`, in the order of the published method. Empty: as they are.
  std::vector<std::size_t> order{};
  /// Ascending places in `kept`: the tokens that stand for merged ones, where a method tells them
  /// from the others.
  std::vector<std::size_t> targets{};

  bool merges() const noexcept { return !into.empty(); }
  friend bool operator==(const selection&, const selection&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
