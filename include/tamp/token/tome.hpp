#pragma once

/// @file
/// Token merging by bipartite soft matching.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../role.hpp"
#include "detail/head_means.hpp"
#include "detail/soft_matching.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Merges visual tokens with similar ones, compared by keys: bipartite soft matching.
///
/// Use it in the image encoder, a few tokens in each layer, as published.
///
///     A, B:   the candidates in turns, the first in A
///     edges:  from each token of A to the token of B with the most similar key (cosine)
///     merge:  along the most similar edges, A's token into B's
///
/// The published rule is one round, which merges at most half of the tokens. If more tokens must be
/// removed, rounds follow until exactly the count is left. All rounds but the last merge half of
/// the tokens. Each further round splits the remaining tokens anew, in their order, and compares
/// the means of their keys, weighted by sizes (initially those of the context). A round's choice
/// does not depend on the count of the rounds after it.
///
/// `key_heads` is the number of heads in the keys, whose mean is compared, as published. With 1 the
/// keys are compared as they are. Ties: among equal edges that of the lower index is merged first,
/// and among equally similar tokens of B the first is taken. For n tokens, the first round costs a
/// quarter of n^2 products of d numbers. Memory: n d numbers.
/// @see token::merge_rows for the merging itself, token::folder
/// Source: Bolya et al. 2023, ToMe (arXiv 2210.09461).
struct tome {
  using role = tamp::role::token;
  static constexpr observable reads = observable::keys;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::size_t key_heads = 1;

  std::string label() const { return detail::sentence("tome ", key_heads); }

  /// @throws shape_error if the keys do not divide into `key_heads` heads
  std::vector<std::size_t> merge(const context& c, std::span<const std::size_t> candidates,
                                 std::size_t count) const {
    return detail::merge_in_rounds(detail::head_means("tome", c.keys, candidates, key_heads), c,
                                   candidates, count, [](std::size_t left) { return left / 2; });
  }

  friend bool operator==(const tome&, const tome&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
