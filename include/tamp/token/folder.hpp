#pragma once

/// @file
/// FOLDER: similar tokens merged in few rounds.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "detail/head_means.hpp"
#include "detail/soft_matching.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Merges visual tokens with similar ones, compared by hidden states, many at once: FOLDER.
///
/// Use it at the end of the image encoder, or between it and the language model, where most tokens
/// must be removed in one step.
///
///     A, B:   the tokens that are left in turns, the first in A
///     edges:  from each token of A to the most similar token of B (cosine)
///     fold:   min(left - count, floor((left - 1) / 2)) tokens of A, along the most similar edges,
///             into theirs of B, which become the mean of both, weighted by sizes; again until
///             count tokens are left
///
/// With two tokens left, where the published rule stops, one is still folded if the count requires
/// it. Ties: among equal edges that of the lower index is folded first, and among equally similar
/// tokens of B the first is taken. The initial sizes are those of the context.
///
/// This is the rule of the published plug-in, which compares the same features that it merges. Two
/// parts of the published code are left out. Its version inside an encoder compares the means of
/// the heads' keys and subtracts a multiple of the class token's attention from each edge. The
/// plug-in scales a merged token by 1 + log(size), which a host can do with token::merged_sizes.
/// @see token::tome, which compares keys
/// Source: Wang et al. 2025, FOLDER (arXiv 2501.02430), and its published code.
struct folder {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::string label() const { return "folder"; }

  std::vector<std::size_t> merge(const context& c, std::span<const std::size_t> candidates,
                                 std::size_t count) const {
    return detail::merge_in_rounds(
        detail::head_means("folder", c.hidden, candidates, 1), c, candidates, count,
        [](std::size_t left) { return (std::max)((left - 1) / 2, std::size_t{1}); });
  }

  friend bool operator==(const folder&, const folder&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
