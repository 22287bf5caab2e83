#pragma once

/// @file
/// VisionZip: dominant tokens, and contextual tokens merged from the others.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/head_means.hpp"
#include "detail/highest_scoring.hpp"
#include "detail/row_products.hpp"
#include "gather.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that receive the most attention, and merges the others into a few tokens
/// among themselves.
///
/// Use it in the image encoder, before the language model sees the tokens. Its choice holds for any
/// question.
///
///     score(t)   = sum over heads and all queries of the context of A(head, query, t)
///     dominant:    the count - contextual tokens of highest score; they stay as they are
///     contextual:  of the m others, in order, every floor(m / contextual)-th from the first on,
///                  `contextual` in all: the targets; each of the rest becomes part of the target
///                  with which its key has the largest cosine
///     merge:       target + mean of the tokens that became part of it (merge_rows)
///     order:       dominant tokens, then contextual ones, both ascending
///
/// `targets` of the selection are the contextual tokens, also those that stay alone.
///
/// The host decides which queries it shows. Show the class token's row alone where there is one,
/// and all rows where there is none: the score is then the column sum. For an encoder that attends
/// to several patches for each token, show the row that token::attention_received returns. The
/// class token counts among the published dominant tokens: the published 64 are 10 contextual
/// tokens, 53 dominant patches and the class token, here text that stays, so that {.keep = 63}
/// selects them.
///
/// `key_heads` is the number of heads in the keys, whose mean is compared, as published. With 1 the
/// keys are compared as they are. Ties: among equal scores the lower index is merged first, and
/// among equal cosines the first target is taken. With contextual = 0 the others are dropped. A
/// count below `contextual` is refused: it leaves no number of dominant tokens.
/// Source: Yang et al. 2024, VisionZip (arXiv 2412.04467), and its published code
/// (dvlab-research/VisionZip at 3151f6df4fca, CLIPVisionTower_VisionZip). Column sums: vLLM (pull
/// request 38888) and AngelSlim.
struct visionzip {
  using role = tamp::role::token;
  static constexpr observable reads = observable::attention | observable::keys;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::size_t contextual = 10;  ///< of the count, tokens into which others merge
  std::size_t key_heads = 1;

  std::string label() const { return detail::sentence("visionzip ", contextual, ' ', key_heads); }

  /// @throws value_error if fewer than `contextual` tokens are to stay
  /// @throws shape_error if the keys do not divide into `key_heads` heads
  merging merge(const context& c, std::span<const std::size_t> candidates,
                std::size_t count) const {
    if (count < contextual)
      detail::raise<value_error>("visionzip: ", count, " tokens are to stay, fewer than the ",
                                 contextual, " contextual ones");
    const std::vector<double> keys = detail::head_means("visionzip", c.keys, candidates, key_heads);
    const std::size_t n = candidates.size();
    const detail::row_products products(matrix_view<const double>(keys.data(), n, keys.size() / n));

    merging answer;
    answer.into.assign(n, selection::nowhere);
    answer.order =
        detail::highest_scoring<double>(candidates, scores(c, candidates), count - contextual);
    std::vector<std::size_t> others;  // places among the candidates
    auto next = answer.order.begin();
    for (std::size_t k = 0; k < n; ++k)
      if (next != answer.order.end() && *next == candidates[k])
        answer.into[k] = *next++;
      else
        others.push_back(k);
    if (contextual == 0) return answer;

    const std::size_t step = others.size() / contextual;
    const auto is_target = [&](std::size_t k) { return k % step == 0 && k / step < contextual; };
    for (std::size_t k = 0; k < others.size(); ++k) {
      std::size_t best = is_target(k) ? k : 0;
      for (std::size_t target = step; !is_target(k) && target < contextual * step; target += step)
        if (products.cosine(others[k], others[target]) > products.cosine(others[k], others[best]))
          best = target;
      answer.into[others[k]] = candidates[others[best]];
      if (is_target(k)) answer.targets.push_back(candidates[others[k]]);
    }
    answer.order.insert(answer.order.end(), answer.targets.begin(), answer.targets.end());
    return answer;
  }

  /// Merges the rows of a selection by this policy, in place: row k becomes that of kept[k] plus the
  /// mean of the tokens that merged into it, if there are any. As published, sizes do not count.
  /// Nothing of the context is read.
  /// @throws shape_error as token::merge_rows does; nothing is moved then
  template <detail::movable_rows Tensor>
  void merge_rows(Tensor&& tensor, const selection& s, const context&) const {
    const detail::ieee_arithmetic as_usual;
    if (!s.merges()) return token::gather_rows(tensor, s.kept);
    detail::check_merged("visionzip", s, {});
    const std::vector<float> merged = merged_sizes(s);
    detail::combine_rows(
        "visionzip", tensor, s, [&](std::size_t t) { return s.kept[s.into[t]] == t ? 0.0 : 1.0; },
        [&](std::size_t k, double sum, double own) {
          return merged[k] == 1 ? own : own + sum / (static_cast<double>(merged[k]) - 1);
        });
  }

  friend bool operator==(const visionzip&, const visionzip&) = default;

 private:
  static std::vector<double> scores(const context& c, std::span<const std::size_t> candidates) {
    std::vector<double> sums(c.tokens());
    std::vector<float> buffer;
    const attention_view& a = c.attention;
    for (std::size_t head = 0; head < a.heads(); ++head)
      for (std::size_t q = a.first_query(); q < a.first_query() + a.queries(); ++q)
        detail::add_row(a.row(head, q, buffer), sums);
    return detail::of_tokens(sums, candidates);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
