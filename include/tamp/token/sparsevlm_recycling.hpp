#pragma once

/// @file
/// SparseVLM with recycling: tokens made of clusters of dropped ones.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../tensor/traits.hpp"
#include "detail/density_peaks.hpp"
#include "detail/highest_scoring.hpp"
#include "gather.hpp"
#include "select.hpp"
#include "sparsevlm.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that the raters attend to most, as token::sparsevlm, and makes new tokens
/// of clusters of the best dropped ones.
///
/// Use it in place of token::sparsevlm where many tokens are dropped at once. Of n candidates, k are
/// kept by their scores and m = n - k are not:
///
///     recycled:  the floor(0.3 m) + 1 of the m that have the largest scores
///     clusters:  floor(recycled / 10) + 1, found among the recycled by density peaks
///                (detail::density_peaks) of the hidden states
///     a cluster's centre stays, its other members merge into it; the rest is dropped
///
/// The count is that of both, k + clusters: k is the largest for which it is not exceeded. If even
/// k = 0 exceeds it, all tokens that stay are centres. With `clusters` the host decides how many
/// there are. That is needed for the published division of a count to which k and k + 1 both lead
/// (sparsevlm_schedule::clusters). Ties: the lower index is dropped first; see density_peaks for
/// those of clusters, whose rows are in the order of the sequence.
///
/// Its merge_rows makes the published rows, the means of the members. The published code clusters
/// the output of the layer whose attention rates: a host shows that as hidden states, and in `raters` the
/// raters that it found once, from the input of the first layer. It puts the new tokens after the
/// kept visual ones, those of the largest cluster scores first, and numbers all positions anew. That
/// is the order of the selection, for token::in_published_order. Without it a new token stands where
/// its centre stood, and has its position. The new tokens are the targets of the selection. The
/// published code adds noise below 1e-6 to densities, so that its clusters are random where
/// densities are that close. The cost is that of token::sparsevlm, and recycled^2 d / 2. Memory:
/// recycled^2 numbers, and recycled d floats for hidden states that are not read in place.
/// Source: Zhang et al. 2024, SparseVLM (arXiv 2410.04417), and version 1 of its published code.
/// @see token::sparsevlm_schedule for the published counts
struct sparsevlm_recycling {
  using role = tamp::role::token;
  static constexpr observable reads = observable::text_queries | observable::hidden;
  constexpr tokens_read read_tokens(const context&) const noexcept {
    return {
        .hidden = token_set::visual | (raters.empty() ? token_set::text_after : token_set::none),
        .keys = token_set::none,
        .attention = token_set::visual,
        .relevance = token_set::none};
  }

  /// The value of `clusters` for the published number.
  static constexpr std::size_t as_published = (std::numeric_limits<std::size_t>::max)();

  std::vector<std::size_t> raters{};  ///< places of the raters before any drop (context.positions);
                                      ///< if empty, they are found from the hidden states
  std::size_t clusters = as_published;  ///< at most the count

  std::string label() const {
    return clusters == as_published ? "sparsevlm_recycling"
                                    : detail::sentence("sparsevlm_recycling ", clusters);
  }

  /// Returns the number of tokens, of `dropped` ones, that are recycled.
  static constexpr std::size_t published_recycled(std::size_t dropped) noexcept {
    return dropped == 0 ? 0 : static_cast<std::size_t>(static_cast<double>(dropped) * 0.3) + 1;
  }

  /// Returns the number of tokens that are made of `dropped` ones.
  static constexpr std::size_t published_clusters(std::size_t dropped) noexcept {
    return dropped == 0 ? 0 : published_recycled(dropped) / 10 + 1;
  }

  /// @throws value_error if there are more clusters than tokens that stay, or a rater is none of the
  ///         tokens after the last visual one
  merging merge(const context& c, std::span<const std::size_t> candidates,
                std::size_t count) const {
    if (clusters != as_published && clusters > count)
      detail::raise<value_error>(label(), ": ", count, " tokens that stay are not ", clusters,
                                 " clusters");
    const std::size_t n = candidates.size();
    std::size_t kept = clusters == as_published ? count - 1 : count - clusters;
    while (clusters == as_published && kept != 0 && kept + published_clusters(n - kept) > count)
      --kept;
    const std::size_t made = count - kept;

    const std::vector<double> scores = sparsevlm::scores(c, candidates, raters_of(c));
    std::vector<std::size_t> places(n);
    for (std::size_t k = 0; k < n; ++k) places[k] = k;
    merging answer{std::vector<std::size_t>(n, selection::nowhere)};
    for (const std::size_t k : best(places, scores, kept)) {
      answer.into[k] = candidates[k];
      answer.order.push_back(candidates[k]);
    }
    if (made == 0) return answer;
    std::erase_if(places, [&](std::size_t k) { return answer.into[k] != selection::nowhere; });
    const std::size_t recycled = (std::max)(published_recycled(places.size()), made);
    places = best(places, scores, recycled);

    std::vector<std::size_t> rows;
    for (const std::size_t k : places) rows.push_back(candidates[k]);
    const detail::row_clusters found = detail::density_peaks(c.hidden, rows, made);
    for (std::size_t k = 0; k < places.size(); ++k)
      answer.into[places[k]] = rows[found.centres[found.cluster[k]]];
    for (const std::size_t centre : found.centres) answer.targets.push_back(rows[centre]);
    answer.order.insert(answer.order.end(), answer.targets.begin(), answer.targets.end());
    return answer;
  }

  /// Merges the rows of a selection of this policy, in place, as published. A new token becomes the
  /// sum of its members, divided by 1e-6 more than their number; the others stay as they are. Sizes
  /// do not count, and nothing of the context is read.
  /// @throws shape_error as token::merge_rows does; nothing is moved then
  template <detail::movable_rows Tensor>
  void merge_rows(Tensor&& tensor, const selection& s, const context& = {}) const {
    const detail::ieee_arithmetic as_usual;
    if (!s.merges()) return token::gather_rows(tensor, s.kept);
    detail::check_merged("sparsevlm_recycling", s, {});
    const std::vector<float> members = merged_sizes(s);
    std::vector<bool> is_new(s.kept.size());
    for (const std::size_t k : s.targets) {
      if (k >= is_new.size())
        detail::raise<shape_error>("sparsevlm_recycling: target ", k, " is none of ", is_new.size(),
                                   " kept tokens");
      is_new[k] = true;
    }
    detail::combine_rows(
        "sparsevlm_recycling", tensor, s, [](std::size_t) { return 1.0; },
        [&](std::size_t k, double sum, double own) {
          return is_new[k] ? sum / (static_cast<double>(members[k]) + 1e-6) : own;
        });
  }

  friend bool operator==(const sparsevlm_recycling&, const sparsevlm_recycling&) = default;

 private:
  // Returns the `count` places of the largest scores, ascending.
  static std::vector<std::size_t> best(std::span<const std::size_t> places,
                                       std::span<const double> scores, std::size_t count) {
    const std::vector<double> theirs = detail::of_tokens(scores, places);
    return detail::highest_scoring<double>(places, theirs, count);
  }

  std::vector<std::size_t> raters_of(const context& c) const {
    if (raters.empty()) return sparsevlm::raters(c);
    std::vector<std::size_t> tokens;
    for (const std::size_t position : raters) {
      std::size_t t = (std::min)(c.text_begin(), c.tokens() - 1);
      while (t < c.tokens() && c.position(t) != position) ++t;
      if (t == c.tokens())
        detail::raise<value_error>(label(), ": the rater at position ", position,
                                   " is none of the tokens after the last visual one");
      tokens.push_back(t);
    }
    return tokens;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
