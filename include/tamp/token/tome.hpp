#pragma once

/// @file
/// Similar tokens made one.

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

/// Merges visual tokens with similar ones, found by their keys: bipartite soft matching.
///
/// Reach for it in the image's encoder, a few tokens a layer, as published.
///
///     A, B:   the candidates in turns, the first in A
///     edges:  from each token of A to the token of B with the most similar key (cosine)
///     merge:  along the most similar edges, A's token into B's
///
/// The published rule is one such round, which merges at most half of the tokens. Where more must
/// go, rounds follow until exactly the count is left: all but the last merge half of the tokens,
/// and the next one splits those that are left anew, in their order, and compares the means of
/// their keys, weighed by sizes (those of the context to begin with). A round's choice does not
/// depend on the count of the rounds after it.
///
/// `key_heads` is how many heads the keys hold: their mean is compared, as published; with 1 the
/// keys are compared as they are. Among equal edges that of the lower index is merged first; of
/// equally similar tokens of B the first is taken. Costs a quarter of n^2 products of d numbers for
/// n tokens in the first round, and n d numbers.
/// @see token::merge_rows for the merging itself, token::folder
/// Source: Bolya et al. 2023, ToMe (arXiv 2210.09461).
struct tome {
  using role = tamp::role::token;
  static constexpr observable reads = observable::keys;

  std::size_t key_heads = 1;

  std::string label() const { return detail::sentence("tome ", key_heads); }

  /// @throws shape_error if the keys are not so many heads
  std::vector<std::size_t> merge(const context& c, std::span<const std::size_t> candidates,
                                 std::size_t count) const {
    return detail::merge_in_rounds(detail::head_means("tome", c.keys, candidates, key_heads), c,
                                   candidates, count, [](std::size_t left) { return left / 2; });
  }

  friend bool operator==(const tome&, const tome&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
