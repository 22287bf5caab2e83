#pragma once

/// @file
/// DivPrune: tokens that are as far apart as possible.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "detail/cosines_of_all.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that are least alike: a greedy solution of the max-min diversity
/// problem.
///
/// Use it where a large part of the tokens must be dropped at once, before the model's first layer.
/// It needs no attention and no text, and its choice holds for any question.
///
///     D(s, t) = 1 - cos(hidden_s, hidden_t)
///     first:    the token whose D to its nearest other is largest
///     then:     the token whose D to its nearest chosen one is largest, until there are enough
///
/// Ties: the lower index is chosen, as published. They are frequent in the first step, where two
/// tokens that are each other's nearest are at the same distance, bit for bit. A token of length
/// zero is at distance 1 from all. A token and its copy are at distance 0 exactly. A choice of fewer
/// tokens is a subset of a choice of more. The cost is one product of all pairs of tokens. Memory:
/// n (n + d) numbers.
///
/// The published code also compares chosen tokens. When only copies of chosen tokens are left, it
/// chooses one token again and again, and fewer tokens stay. Here the lowest open ones fill the
/// count.
/// Source: Alvar et al. 2025, DivPrune (arXiv 2503.02175), and its published code.
struct divprune {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::string label() const { return "divprune"; }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    constexpr double lowest = std::numeric_limits<double>::lowest();
    const std::vector<double> cosines = detail::cosines_of_all(c.hidden, candidates);
    const std::size_t n = candidates.size();
    std::vector<double> nearest(n, lowest);  // the largest cosine so far
    for (std::size_t s = 0; s < n; ++s)
      for (std::size_t t = 0; t < n; ++t)
        if (t != s) nearest[s] = (std::max)(nearest[s], cosines[s * n + t]);

    std::vector<std::size_t> chosen;
    std::vector<char> open(n, 1);
    while (chosen.size() < count) {
      std::size_t next = n;
      for (std::size_t t = 0; t < n; ++t)
        if (open[t] && (next == n || nearest[t] < nearest[next])) next = t;
      if (chosen.empty()) std::fill(nearest.begin(), nearest.end(), lowest);
      chosen.push_back(candidates[next]);
      open[next] = 0;
      for (std::size_t t = 0; t < n && chosen.size() < count; ++t)
        if (open[t]) nearest[t] = (std::max)(nearest[t], cosines[next * n + t]);
    }
    return chosen;
  }

  friend bool operator==(const divprune&, const divprune&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
