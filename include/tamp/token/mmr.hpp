#pragma once

/// @file
/// Maximal marginal relevance: important tokens that are unlike those taken before.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/cosine_rows.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the tokens that are important and unlike those taken before: maximal marginal relevance.
///
/// Use it with any importance, also one that can be negative, where one number between importance
/// and diversity should be tuned. With the importance of the context and the hidden states of the
/// candidates:
///
///     x(t)    = (importance_t - least) / (largest - least + epsilon)
///     like(t) = the largest cos(hidden_t, hidden_s) of the tokens s taken
///     first:  the tokens of the largest x
///     then:   the tokens of the largest lambda x(t) - (1 - lambda) like(t)
///
/// `at_once` tokens are taken in each round. Ties: the lower index is taken first. A token of length
/// zero is similar to none. A token and its copy have a cosine of exactly 1.
///
/// epsilon is the published code's. Importances that differ by less are all but ignored: scale
/// small ones. With 0 and equal importances, x is 0.
///
/// The cost is count n products of d numbers, or for counts from n / 16 on the products of all pairs.
/// Memory: n (n + d) numbers.
/// Source: Carbonell and Goldstein 1998, maximal marginal relevance; IDPruner of AngelSlim, with any
/// importance.
struct mmr {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden | observable::importance;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  double lambda = 0.5;      ///< in [0, 1]: 1 is importance alone
  std::size_t at_once = 1;  ///< tokens that are taken in each round
  double epsilon = 1e-6;    ///< at least 0

  std::string label() const { return detail::sentence("mmr ", lambda, ' ', at_once); }

  /// Returns the tokens that stay, in the order in which they are taken.
  /// @throws value_error if lambda is not in [0, 1], no token is taken at once, or epsilon is
  ///         negative or not finite
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    check_parameters();
    const std::vector<double> x = scaled(c, candidates);
    detail::cosine_rows cosines("mmr", c.hidden, candidates, count);
    const std::size_t n = candidates.size();
    // Products are stored before they are subtracted, so that none is fused with a difference.
    std::vector<double> worth(n), likeness(n, -2.0), loss(n), key = x;
    for (std::size_t t = 0; t < n; ++t) worth[t] = lambda * x[t];
    std::vector<std::size_t> open(n), chosen;
    std::iota(open.begin(), open.end(), std::size_t{0});
    while (chosen.size() < count) {
      const std::size_t now = (std::min)(at_once, count - chosen.size());
      const auto last = open.begin() + static_cast<std::ptrdiff_t>(now);
      std::partial_sort(open.begin(), last, open.end(), [&](std::size_t a, std::size_t b) {
        return key[a] > key[b] || (key[a] == key[b] && a < b);
      });
      for (auto taken = open.begin(); taken != last; ++taken) {
        chosen.push_back(candidates[*taken]);
        detail::with_similar_rows(
            [&](auto rows) { rows.raise_to(cosines(*taken).data(), n, likeness.data()); });
      }
      open.erase(open.begin(), last);
      for (std::size_t t = 0; t < n; ++t) loss[t] = (1 - lambda) * likeness[t];
      for (std::size_t t = 0; t < n; ++t) key[t] = worth[t] - loss[t];
    }
    return chosen;
  }

  friend bool operator==(const mmr&, const mmr&) = default;

 private:
  void check_parameters() const {
    if (!detail::is_fraction(lambda))
      detail::raise<value_error>("mmr: lambda lies in [0, 1], and is ", lambda);
    if (at_once == 0) detail::raise<value_error>("mmr: at least one token is taken at once");
    if (!detail::is_nonnegative(epsilon))
      detail::raise<value_error>("mmr: epsilon is at least 0, and is ", epsilon);
  }

  std::vector<double> scaled(const context& c, std::span<const std::size_t> candidates) const {
    std::vector<double> x;
    for (const std::size_t t : candidates) x.push_back(static_cast<double>(c.importance[t]));
    if (x.empty()) return x;
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    const double from = *least, length = *most - from + epsilon;
    for (double& number : x) number = length == 0 ? 0.0 : (number - from) / length;
    return x;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
