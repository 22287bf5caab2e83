#pragma once

/// @file
/// DART: the tokens that duplicate others least.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "detail/checked_context.hpp"
#include "detail/highest_scoring.hpp"
#include "detail/row_products.hpp"
#include "detail/token_rows.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps a few pivots, and the visual tokens that are least similar to them: DART.
///
/// Use it inside models whose attention is fused. Its cost is linear in the number of tokens. The
/// published code drops in front of its layer K. It compares the output of layer K - 1 under the
/// model's final norm (that in front of the language model head, not that of layer K), and takes
/// the keys of layer K - 1 after their rotation. A host shows both in the same way.
///
///     pivots:  the `pivots` visual tokens and the `text_pivots` tokens of the text after the last
///              visual one with the largest sum over j of |key(t, j)|
///     then, pivot by pivot: its quota of the visual tokens that are left and have the smallest
///              cos(hidden_t, hidden_pivot)
///
/// Visual pivots stay (as many as the count allows) and share the rest of the count evenly with the
/// text pivots. If it does not divide, the first pivots take one more. Visual pivots come before
/// those of the text, larger keys first. Ties: the lower index is dropped first.
///
/// The published code gives every pivot floor(budget / pivots) tokens, and keeps the visual pivots
/// in addition: dart::published_count is what it keeps for a budget. It leaves the order of the
/// pivots to a hash set, on which the choice depends if two pivots claim the same token.
/// Memory: n d floats for hidden states that are not read in place.
/// Source: Wen et al. 2025, DART (arXiv 2502.11494), and its published code.
struct dart {
  using role = tamp::role::token;
  static constexpr observable reads = observable::keys | observable::hidden;

  /// Hidden states of the text are read of its pivots alone, which depend on the keys.
  static constexpr tokens_read read_tokens(const context&) noexcept {
    return {.hidden = token_set::visual,
            .keys = token_set::visual | token_set::text_after,
            .attention = token_set::none,
            .relevance = token_set::none};
  }

  std::size_t pivots = 4;
  std::size_t text_pivots = 4;

  std::string label() const { return detail::sentence("dart ", pivots, ' ', text_pivots); }

  /// Returns the number of visual tokens that the published code keeps for a budget, its
  /// `max_num_trunction`: the visual pivots come on top of it.
  ///
  ///     pivots + (pivots + text_pivots) floor(budget / (pivots + text_pivots))
  ///
  /// With the defaults a budget of 128 keeps 132 tokens, and one of 64 keeps 68.
  /// @throws value_error if there is no pivot, or the count does not fit into std::size_t
  constexpr std::size_t published_count(std::size_t budget) const {
    const std::size_t all = detail::checked_sum<value_error>("dart", pivots, text_pivots);
    if (all == 0) detail::raise<value_error>("dart: without pivots no budget is divided");
    return detail::checked_sum<value_error>("dart", pivots, budget / all * all);
  }

  /// Returns the tokens that stay.
  /// @throws value_error if there is no pivot, or the hidden state of a pivot is not finite
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    std::vector<std::size_t> text(c.tokens() - c.text_begin());
    std::iota(text.begin(), text.end(), c.text_begin());
    std::vector<std::size_t> chosen = largest_keys(c, candidates, (std::min)(pivots, count));
    std::vector<std::size_t> around = chosen;
    for (const std::size_t t : largest_keys(c, text, (std::min)(text_pivots, text.size())))
      around.push_back(t);
    if (around.empty())
      detail::raise<value_error>("dart: of ", pivots, " visual pivots and ", text_pivots,
                                 " of the text after them there is none");

    const auto is_text_pivot = [&](std::size_t t) {
      return std::find(around.begin() + static_cast<std::ptrdiff_t>(chosen.size()), around.end(),
                       t) != around.end();
    };
    detail::check_finite(label(), "hidden state", c.hidden, is_text_pivot);
    std::vector<std::size_t> open(candidates.begin(), candidates.end()), read = open;
    read.insert(read.end(), around.begin() + static_cast<std::ptrdiff_t>(chosen.size()),
                around.end());
    const detail::row_products hidden(c.hidden, read);
    std::vector<unsigned char> is_taken(c.tokens());
    const auto take_from_open = [&](std::span<const std::size_t> taken) {
      for (const std::size_t t : taken) is_taken[t] = 1;
      std::erase_if(open, [&](std::size_t t) { return is_taken[t] != 0; });
    };
    take_from_open(chosen);
    // Each token is compared with all pivots while it is in the cache.
    std::vector<double> cosines(around.size() * c.tokens());
    for (const std::size_t t : open)
      for (std::size_t p = 0; p < around.size(); ++p)
        cosines[p * c.tokens() + t] = hidden.cosine(t, around[p]);
    for (std::size_t p = 0; p < around.size() && chosen.size() < count; ++p) {
      const std::size_t left = around.size() - p;
      const std::size_t quota = (count - chosen.size() + left - 1) / left;
      std::vector<double> difference;
      for (const std::size_t t : open) difference.push_back(-cosines[p * c.tokens() + t]);
      const std::vector<std::size_t> taken =
          detail::highest_scoring<double>(open, difference, quota);
      chosen.insert(chosen.end(), taken.begin(), taken.end());
      take_from_open(taken);
    }
    return chosen;
  }

  friend bool operator==(const dart&, const dart&) = default;

 private:
  // Returns the tokens with the largest keys, the largest first. Ties: the higher index is first.
  static std::vector<std::size_t> largest_keys(const context& c,
                                               std::span<const std::size_t> tokens,
                                               std::size_t count) {
    std::vector<std::pair<double, std::size_t>> norms;
    detail::row_reader read(c.keys);
    for (const std::size_t t : tokens) {
      double sum = 0;
      for (const float key : read(t)) sum += std::abs(static_cast<double>(key));
      norms.emplace_back(sum, t);
    }
    std::sort(norms.rbegin(), norms.rend());
    std::vector<std::size_t> largest;
    for (std::size_t k = 0; k < count; ++k) largest.push_back(norms[k].second);
    return largest;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
