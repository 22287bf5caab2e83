#pragma once

/// @file
/// SCOPE: important tokens that cover the others.

#include <cmath>
#include <cstddef>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/cosines_of_all.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the tokens that cover the others best, the important ones first: coverage times saliency.
///
/// Use it in front of the language model, where the encoder's attention is available and diversity
/// alone (token::divprune) would keep tokens that no query attends to. With the importance of the
/// context and the hidden states of the candidates, take one token after another:
///
///     cover(i) = the largest cos(hidden_i, hidden_j) of the tokens j taken, 0 at first
///     gain(j)  = importance_j^alpha * sum over all i of max(0, cos(hidden_i, hidden_j) - cover(i))
///     the token of the largest gain is taken next
///
/// Ties, all gains 0 among them: the lower index is taken first. A token of length zero is similar
/// to none, and has no gain. A token and its copy have a cosine of exactly 1, so that the copy of a
/// token that was taken gains exactly nothing from it. A choice of fewer tokens is a subset of a
/// choice of more. With alpha = 0 importance counts nothing, 0^0 being 1.
///
/// Gains only fall, in the arithmetic of floating point too: a larger cover makes no difference
/// larger, and no sum of differences. A gain of earlier is therefore a bound, and a token whose gain
/// is known anew and is no less than all other bounds is the one that the plain loop over all tokens
/// takes. The cost is one product of all pairs of tokens, n^2 numbers for the first gains, and n for
/// each gain that is made anew. Memory: n (n + d) numbers.
/// Source: SCOPE (saliency and coverage, NeurIPS 2025), as in AngelSlim.
struct scope {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden | observable::importance;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  double alpha = 1;  ///< at least 0; exponent of the importance

  std::string label() const { return alpha == 1 ? "scope" : detail::sentence("scope ", alpha); }

  /// Returns the tokens that stay, in the order in which they are taken.
  /// @throws value_error if alpha or an importance is negative, or a power is too large
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    const std::vector<double> weight = weights(c, candidates);
    const detail::cosines_of_all cosines("scope", c.hidden, candidates);
    const std::size_t n = candidates.size();
    std::vector<double> cover(n);
    const auto gain = [&](std::size_t j) {
      return weight[j] * detail::with_similar_rows([&](auto rows) {
               return rows.sum_above(cosines[j].data(), cover.data(), n);
             });
    };

    struct bound {
      double gain;
      std::size_t token, taken;  // number of tokens taken when the gain was made
      bool operator<(const bound& other) const noexcept {
        return gain < other.gain || (gain == other.gain && token > other.token);
      }
    };
    std::vector<bound> first;
    for (std::size_t j = 0; j < n; ++j) first.push_back({gain(j), j, 0});
    std::priority_queue<bound> open({}, std::move(first));
    std::vector<std::size_t> chosen;
    while (chosen.size() < count) {
      bound best = open.top();
      open.pop();
      if (best.taken != chosen.size()) {
        best.gain = gain(best.token);
        best.taken = chosen.size();
        if (!open.empty() && best < open.top()) {
          open.push(best);
          continue;
        }
      }
      chosen.push_back(candidates[best.token]);
      detail::with_similar_rows(
          [&](auto rows) { rows.raise_to(cosines[best.token].data(), n, cover.data()); });
    }
    return chosen;
  }

  friend bool operator==(const scope&, const scope&) = default;

 private:
  std::vector<double> weights(const context& c, std::span<const std::size_t> candidates) const {
    if (!detail::is_nonnegative(alpha))
      detail::raise<value_error>("scope: alpha is at least 0, and is ", alpha);
    std::vector<double> all;
    for (const std::size_t t : candidates) {
      const auto importance = static_cast<double>(c.importance[t]);
      if (importance < 0)
        detail::raise<value_error>(label(), ": the importance of token ", t, " is ", importance,
                                   ", and what is weighed by coverage is not negative");
      all.push_back(std::pow(importance, alpha));
      if (!(all.back() <= 1e290))
        detail::raise<value_error>(label(), ": the importance of token ", t, " is ", importance,
                                   ", and its power is too large");
    }
    return all;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
