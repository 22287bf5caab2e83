#pragma once

/// @file
/// Random selection of tokens, as a baseline.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../role.hpp"
#include "detail/highest_scoring.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps random visual tokens, as a baseline for every other policy.
///
/// A token's score depends only on the seed, the number of its sequence and its original position.
/// A choice of fewer tokens is a subset of a choice of more, and a token keeps its score from one
/// layer to the next.
///
///     score(t) = hash(seed, sequence, position(t))     (SplitMix64, Steele et al. 2014)
struct random_choice {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;

  std::uint64_t seed = 0;

  std::string label() const { return detail::sentence("random_choice ", seed); }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    std::vector<std::uint64_t> scores;
    for (const std::size_t t : candidates)
      scores.push_back(mix(mix(mix(seed) ^ c.sequence) ^ c.position(t)));
    return detail::highest_scoring<std::uint64_t>(candidates, scores, count);
  }

  friend bool operator==(const random_choice&, const random_choice&) = default;

 private:
  static constexpr std::uint64_t mix(std::uint64_t word) noexcept {
    word += 0x9e3779b97f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
