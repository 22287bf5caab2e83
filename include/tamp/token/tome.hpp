#pragma once

/// @file
/// Token merging by bipartite soft matching.

#include <cstddef>
#include <span>
#include <string>

#include "../error.hpp"
#include "../role.hpp"
#include "detail/head_means.hpp"
#include "detail/soft_matching.hpp"
#include "gather.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Merges visual tokens with similar ones, compared by keys: bipartite soft matching.
///
/// Use it in the image encoder, a few tokens in each layer, as published.
///
///     A, B:   the tokens of the sequence in turns, the first in A
///     edges:  from each token of A to the token of B with the most similar key (cosine)
///     merge:  along the most similar edges, A's token into B's, which becomes the mean of all
///             tokens that are part of it, weighted by size (merge_rows)
///     order:  the tokens of A that are left, by falling similarity, then those of B
///
/// The next layer splits the sequence in that order: gather by token::in_published_order between
/// layers.
///
/// With `class_token` the sequence begins with a class token, at the first place of A, which does
/// not merge. With `distillation_token` a second one follows, at the first place of B, which does
/// not receive others either. Both are the text in front of the visual tokens, if the context
/// begins with no more text than that, so that patches begin in B, or in A after both. Otherwise
/// they are the first of the visual tokens themselves. With either the order is: both, the other
/// tokens of A in their order, those of B.
///
/// The published rule is one round, which merges at most half of the tokens that are not protected,
/// floor((t - p) / 2) of t with p protected ones. If more tokens must be removed, rounds follow
/// until exactly the count is left. All rounds but the last merge as many as they may. Each further
/// round splits the remaining tokens anew, in the order that the one before it left, and compares
/// the means of their keys, weighted by sizes (initially those of the context). A round's choice
/// does not depend on the count of the rounds after it. If only protected tokens and one more are
/// left, and the count requires it, the last becomes part of the first.
///
/// `key_heads` is the number of heads in the keys, whose mean is compared, as published. With 1 the
/// keys are compared as they are. Ties: among equal edges that of the token that stands first is
/// merged first, and among equally similar tokens of B the first is taken. The cosine of a key of
/// length zero is zero; the published code divides by its length. For n tokens, the first round
/// costs a quarter of n^2 products of d numbers. Memory: n d numbers.
/// @see token::folder
/// Source: Bolya et al. 2023, ToMe (arXiv 2210.09461), and its published code
/// (facebookresearch/ToMe at af95e4b1befa, bipartite_soft_matching and merge_wavg).
struct tome {
  using role = tamp::role::token;
  static constexpr observable reads = observable::keys;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::size_t key_heads = 1;
  bool class_token = false;         ///< the first of the sequence
  bool distillation_token = false;  ///< the second, behind a class token

  std::string label() const {
    return detail::sentence("tome ", key_heads, class_token ? " class" : "",
                            distillation_token ? " distillation" : "");
  }

  /// @throws shape_error if the keys do not divide into `key_heads` heads
  /// @throws value_error if there is a distillation token, but no class token
  merging merge(const context& c, std::span<const std::size_t> candidates,
                std::size_t count) const {
    if (distillation_token && !class_token)
      detail::raise<value_error>(
          "tome: a distillation token stands behind a class token, and there is none");
    const std::size_t protected_tokens = distillation_token ? 2 : class_token ? 1 : 0;
    return detail::merge_in_rounds(detail::head_means("tome", c.keys, candidates, key_heads), c,
                                   candidates, count, {.protected_tokens = protected_tokens},
                                   [&](std::size_t left) { return (left - protected_tokens) / 2; });
  }

  /// Merges the rows of a selection by this policy, in place: token::merge_rows with the context's
  /// sizes. Of the context only these are read.
  template <detail::movable_rows Tensor>
  void merge_rows(Tensor&& tensor, const selection& s, const context& c) const {
    token::merge_rows(tensor, s, c.sizes);
  }

  friend bool operator==(const tome&, const tome&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
