#pragma once

/// @file
/// DivPrune: tokens that are as far apart as possible.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "../simd/similar_rows.hpp"
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
    const detail::cosines_of_all cosines("divprune", c.hidden, candidates);
    const std::size_t n = candidates.size();
    return detail::with_similar_rows([&](auto similar) {
      std::vector<double> nearest(n);  // the largest cosine so far
      for (std::size_t s = 0; s < n; ++s) {
        const double* const row = cosines[s].data();
        nearest[s] = (std::max)(similar.largest(row, s), similar.largest(row + s + 1, n - s - 1));
      }
      std::vector<std::size_t> chosen, open(n);  // ascending, so that the first is the lowest
      std::iota(open.begin(), open.end(), std::size_t{0});
      while (chosen.size() < count) {
        const auto next =
            std::min_element(open.begin(), open.end(),
                             [&](std::size_t a, std::size_t b) { return nearest[a] < nearest[b]; });
        if (chosen.empty()) std::fill(nearest.begin(), nearest.end(), detail::lowest_number);
        chosen.push_back(candidates[*next]);
        similar.raise_to(cosines[*next].data(), n, nearest.data());
        open.erase(next);
      }
      return chosen;
    });
  }

  friend bool operator==(const divprune&, const divprune&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
