#pragma once

/// @file
/// FOLDER: similar tokens merged in few rounds.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../role.hpp"
#include "detail/head_means.hpp"
#include "detail/soft_matching.hpp"
#include "gather.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Merges visual tokens with similar ones, compared by hidden states, many at once: FOLDER.
///
/// Use it at the end of the image encoder, or between it and the language model, where most tokens
/// must be removed in one step.
///
///     A, B:   the tokens that are left in turns, the first in A
///     edges:  from each token of A to the most similar token of B (cosine)
///     fold:   min(removals left, floor((t - 1) / 2)) tokens of A, of t that are left, along the
///             most similar edges, into theirs of B, which become the mean of both, weighted by
///             sizes; again until count tokens are left
///     order:  the tokens stay in their order
///
/// With `class_token`, as published by default, the first token of the sequence does not merge. It
/// is the one text token in front of the visual tokens, if the context begins with exactly that, so
/// that patches begin in B. Otherwise it is the first visual token, whatever it is: features from
/// which the encoder has removed its class token lose nothing of their first patch by default.
///
/// With two tokens left, where the published rule stops, one is still folded if the count requires
/// it, into the class token if the first of them is that. Ties: among equal edges that of the lower
/// index is folded first, and among equally similar tokens of B the first is taken. The initial
/// sizes are those of the context. The cosine of a hidden state of length zero is zero; the
/// published code divides by its length.
///
/// This is the rule of the published plug-in, which compares the same features that it merges. The
/// version inside an encoder, which compares the means of the heads' keys and subtracts a multiple
/// of the class token's attention from each edge, is left out.
/// @see token::tome, which compares keys
/// Source: Wang et al. 2025, FOLDER (arXiv 2501.02430), and its published code
/// (anakin-skywalker-Joseph/Folder at d4750b9e1667, merge_features of folder.py).
struct folder {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  bool class_token = true;  ///< the first of the sequence

  std::string label() const { return class_token ? "folder" : "folder without class token"; }

  merging merge(const context& c, std::span<const std::size_t> candidates,
                std::size_t count) const {
    merging answer = detail::merge_in_rounds(
        detail::head_means("folder", c.hidden, candidates, 1), c, candidates, count,
        {.protected_tokens = protected_tokens(), .keeps_order = true},
        [](std::size_t left) { return (left - 1) / 2; });
    answer.order.clear();
    return answer;
  }

  /// Returns true if the published code scales merged tokens when `left` of `tokens` stay: always
  /// after several rounds, unless one token alone stays, and after a single round only if it
  /// removed fewer than floor(left / 2).
  static constexpr bool scales(std::size_t tokens, std::size_t left) noexcept {
    const std::size_t removed = tokens - left;
    const bool several_rounds = tokens != 0 && removed > (tokens - 1) / 2;
    return several_rounds ? left >= 2 : removed < left / 2;
  }

  /// Merges the rows of a selection by this policy, in place: as token::merge_rows does, and where
  /// scales() says so, each visual token, and a class token in front, times 1 + log(its merged
  /// size). The kinds and sizes of the context, as they were before merging, are read.
  /// @throws shape_error as token::merge_rows does, and if the context covers other tokens
  template <detail::movable_rows Tensor>
  void merge_rows(Tensor&& tensor, const selection& s, const context& c) const {
    const detail::ieee_arithmetic as_usual;
    if (!s.merges()) return token::gather_rows(tensor, s.kept);
    detail::check_merged("folder", s, c.sizes);
    if (c.tokens() != s.into.size())
      detail::raise<shape_error>("folder: the selection covers ", s.into.size(),
                                 " tokens, the context ", c.tokens());
    const std::vector<std::size_t> visual = c.visual();
    const std::size_t text_left = c.tokens() - visual.size();
    const std::size_t in_front = detail::protected_in_front(c, visual, protected_tokens());
    const bool is_scaled = s.kept.size() >= text_left &&
                           scales(visual.size() + in_front, s.kept.size() - text_left + in_front);
    const std::vector<float> merged = merged_sizes(s, c.sizes);
    detail::combine_rows(
        "folder", tensor, s,
        [&](std::size_t t) { return c.sizes.empty() ? 1.0 : static_cast<double>(c.sizes[t]); },
        [&](std::size_t k, double sum, double) {
          const double size = static_cast<double>(merged[k]), mean = sum / size;
          const bool belongs = s.kept[k] < in_front || c.is_visual(s.kept[k]);
          return is_scaled && belongs ? mean * (1 + std::log(size)) : mean;
        });
  }

  friend bool operator==(const folder&, const folder&) = default;

 private:
  std::size_t protected_tokens() const noexcept { return class_token ? 1 : 0; }
};

}  // namespace tamp::inline TAMP_FLAGS::token
