#pragma once

/// @file
/// VisionZip: dominant tokens, and contextual tokens merged from the others.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/head_means.hpp"
#include "detail/row_products.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that receive the most attention, and merges the others into a few tokens
/// among themselves.
///
/// Use it in the image encoder, before the language model sees the tokens. Its choice holds for any
/// question.
///
///     score(t)   = mean over heads and all queries of the context of A(head, query, t)
///     dominant:    the floor(count * dominant) tokens of highest score; they stay as they are
///     contextual:  of the m others, in order, every floor(m / c)-th from the first on, c in all,
///                  so that count tokens stay; each of the rest becomes part of the one of these
///                  with which its key has the largest cosine
///
/// The host decides which queries it shows: for an encoder with a class token its row alone, for
/// one without all rows. `key_heads` is the number of heads in the keys, whose mean is compared, as
/// published. With 1 the keys are compared as they are. Ties: among equal scores the lower index is
/// merged first, and among equal cosines the first target is taken. With dominant = 1 the others
/// are dropped.
///
/// A contextual token becomes the mean of all tokens that are part of it (token::merge_rows). The
/// published code adds the mean of the merged tokens to the target instead.
/// Source: Yang et al. 2024, VisionZip (arXiv 2412.04467), 54 dominant tokens of 64, and its
/// published code.
struct visionzip {
  using role = tamp::role::token;
  static constexpr observable reads = observable::attention | observable::keys;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  double dominant = 54.0 / 64.0;  ///< fraction of the count
  std::size_t key_heads = 1;

  std::string label() const { return detail::sentence("visionzip ", dominant, ' ', key_heads); }

  /// @throws value_error if the dominant fraction is not in [0, 1]
  /// @throws shape_error if the keys do not divide into `key_heads` heads
  std::vector<std::size_t> merge(const context& c, std::span<const std::size_t> candidates,
                                 std::size_t count) const {
    if (!detail::is_fraction(dominant))
      detail::raise<value_error>("visionzip: the dominant fraction lies in [0, 1], and is ",
                                 dominant);
    const std::vector<double> keys = detail::head_means("visionzip", c.keys, candidates, key_heads);
    const std::size_t n = candidates.size();
    const detail::row_products products(matrix_view<const double>(keys.data(), n, keys.size() / n));

    const auto stay = static_cast<std::size_t>(static_cast<double>(count) * dominant);
    std::vector<std::size_t> others;  // places among the candidates
    std::vector<std::size_t> destination(n, selection::nowhere);
    for (const std::size_t t :
         detail::highest_scoring<double>(candidates, scores(c, candidates), stay)) {
      const auto place = std::lower_bound(candidates.begin(), candidates.end(), t);
      destination[static_cast<std::size_t>(place - candidates.begin())] = t;
    }
    for (std::size_t k = 0; k < n; ++k)
      if (destination[k] == selection::nowhere) others.push_back(k);
    if (stay == count) return destination;

    const std::size_t contextual = count - stay, step = others.size() / contextual;
    const auto is_target = [&](std::size_t k) { return k % step == 0 && k / step < contextual; };
    for (std::size_t k = 0; k < others.size(); ++k) {
      std::size_t best = is_target(k) ? k : 0;
      for (std::size_t target = step; !is_target(k) && target < contextual * step; target += step)
        if (products.cosine(others[k], others[target]) > products.cosine(others[k], others[best]))
          best = target;
      destination[others[k]] = candidates[others[best]];
    }
    return destination;
  }

  friend bool operator==(const visionzip&, const visionzip&) = default;

 private:
  static std::vector<double> scores(const context& c, std::span<const std::size_t> candidates) {
    std::vector<double> sums(c.tokens());
    const attention_view& a = c.attention;
    for (std::size_t head = 0; head < a.heads(); ++head)
      for (std::size_t q = a.first_query(); q < a.first_query() + a.queries(); ++q)
        detail::add_row(a.row(head, q), sums);
    return detail::of_tokens(sums, candidates);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
