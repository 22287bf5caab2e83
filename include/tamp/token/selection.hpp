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
  std::vector<std::size_t> into;  ///< of each candidate: the candidate into which it merges (itself
                                  ///< if it stays), or selection::nowhere
  std::vector<std::size_t> order{};  ///< the candidates that stay, in the order of the published
                                     ///< method; empty: ascending
  std::vector<std::size_t>
      targets{};  ///< the candidates that stand for merged ones, where a method
                  ///< tells them from the others; distinct

  friend bool operator==(const merging&, const merging&) = default;
};

/// The decision of a token policy on one sequence. A value: it moves nothing (see gather.hpp).
struct [[nodiscard]] selection {
  /// The entry of `into` for a token that was dropped, not merged.
  static constexpr std::size_t nowhere = (std::numeric_limits<std::size_t>::max)();

  std::vector<std::size_t> kept;     ///< the tokens that stay, ascending, until
                                     ///< token::in_published_order rearranges them
  std::vector<std::size_t> into{};   ///< of a merging policy, (tokens,): the place in `kept` of the
                                     ///< token that each is now part of, or nowhere
  std::vector<std::size_t> order{};  ///< places in `kept`, in the order of the published method;
                                     ///< empty: as they are
  std::vector<std::size_t> targets{};  ///< ascending places in `kept`: the tokens that stand for
                                       ///< merged ones, where a method tells them from the others

  bool merges() const noexcept { return !into.empty(); }
  friend bool operator==(const selection&, const selection&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
