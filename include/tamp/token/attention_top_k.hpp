#pragma once

/// @file
/// FastV: selection by the attention of the last query.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/highest_scoring.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that the last query attends to most: FastV.
///
/// The default choice, since it needs one row of attention. It works best one or two layers into
/// the model. The attention of the first layers says little about which tokens matter later.
///
///     score(t) = sum over heads of A(head, last query, t)
///
/// Ties: the lower index is dropped first.
/// Source: Chen et al. 2024, FastV (arXiv 2403.06764), which drops in front of its layer K by the
/// attention of layer K - 1.
struct attention_top_k {
  using role = tamp::role::token;
  static constexpr observable reads = observable::last_query;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::string label() const { return "attention_top_k"; }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    std::vector<double> sums(c.tokens());
    std::vector<float> buffer;
    for (std::size_t head = 0; head < c.attention.heads(); ++head)
      detail::add_row(c.attention.row(head, c.tokens() - 1, buffer), sums);
    return detail::highest_scoring<double>(candidates, detail::of_tokens(sums, candidates), count);
  }

  friend bool operator==(const attention_top_k&, const attention_top_k&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
