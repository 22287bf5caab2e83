#pragma once

/// @file
/// The experts of a layer that contribute least.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "lowest_units.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// Limits of the choice of experts.
struct expert_options {
  std::size_t least = 1;                ///< experts that stay at least: the router's top k
  std::size_t groups = 1;               ///< routing groups, which lose equally many
  std::span<const std::size_t> keep{};  ///< experts that rank above all others
  std::uint64_t fewest_tokens = 1;      ///< experts that saw fewer are named
};

/// The experts to drop, and what there is to say of it.
struct [[nodiscard]] expert_choice {
  std::vector<std::size_t> drop;    ///< ascending
  std::vector<std::size_t> unseen;  ///< experts that saw too few tokens for their score, ascending
  std::vector<std::string> notes;   ///< sentences that name them
  friend bool operator==(const expert_choice&, const expert_choice&) = default;
};

/// Chooses the `count` experts of lowest score.
///
///     each   = min(count, max(experts - least, 0)) / groups, rounded down
///     drop   = of each routing group, the `each` experts of lowest score
///
/// Use it with the scores of stat::expert_contribution (REAP). Of equal scores the lower index is
/// dropped first. Experts of `keep` go last. `tokens` are the numbers of tokens behind the scores,
/// or empty. An expert that saw fewer than fewest_tokens has a score that says little: with no token
/// it is 0, and the expert goes first. Such experts are in `unseen`, and notes name those that are
/// dropped; add them to `keep` to decide otherwise.
///
/// Source: Lasby et al. 2025, REAP (arXiv 2510.13999).
/// @throws value_error if a score is not finite, or one of `keep` is no expert
/// @throws shape_error if the experts do not divide into the groups, or tokens are not those of all
///         experts
inline expert_choice experts_to_drop(std::span<const double> scores, std::size_t count,
                                     const expert_options& options = {},
                                     std::span<const std::uint64_t> tokens = {}) {
  const std::size_t experts = scores.size();
  tamp::detail::check_list("experts_to_drop", "numbers of tokens", tokens);
  if (!tokens.empty() && tokens.size() != experts)
    tamp::detail::raise<shape_error>("experts_to_drop: ", experts,
                                     " scores, and numbers of tokens of ", tokens.size(),
                                     " experts");
  const std::size_t most = experts > options.least ? experts - options.least : 0;
  expert_choice choice;
  choice.drop = lowest_units(scores, (std::min)(count, most), {options.groups, options.keep});
  if (choice.drop.size() < count)
    choice.notes.push_back(tamp::detail::sentence(
        "experts_to_drop: ", choice.drop.size(), " experts go instead of ", count, ": at least ",
        options.least, " of ", experts, " stay, and ", options.groups,
        options.groups == 1 ? " routing group loses" : " routing groups lose", " equally many"));
  std::string named;
  for (std::size_t e = 0; e < tokens.size(); ++e) {
    if (tokens[e] >= options.fewest_tokens) continue;
    choice.unseen.push_back(e);
    if (!std::binary_search(choice.drop.begin(), choice.drop.end(), e)) continue;
    named += tamp::detail::sentence(named.empty() ? "" : ", ", e, " (", tokens[e],
                                    tokens[e] == 1 ? " token)" : " tokens)");
  }
  if (!named.empty())
    choice.notes.push_back(tamp::detail::sentence("experts_to_drop: dropped although fewer than ",
                                                  options.fewest_tokens,
                                                  " tokens were sent to them: ", named));
  return choice;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
