#pragma once

/// @file
/// FitPrune: selection by the attention received from text and image.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/checked_context.hpp"
#include "detail/highest_scoring.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The attention that each visual token receives, (visual tokens,).
struct received_attention {
  std::vector<double> cross;  ///< mean over the tokens after the last visual one
  std::vector<double> self;   ///< mean over the visual tokens

  friend bool operator==(const received_attention&, const received_attention&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// Calls use(query, row) for queries [begin, end), with the maximum over heads of their attention.
template <class Use>
void for_each_strongest(const token::attention_view& a, std::size_t begin, std::size_t end,
                        Use&& use) {
  std::vector<float> row(a.tokens()), buffer;
  for (std::size_t query = begin; query < end; ++query) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t head = 0; head < a.heads(); ++head)
      take_maximum(a.row(head, query, buffer), row);
    use(query, std::span<const float>(row));
  }
}

/// Returns the first token after the last visual one.
inline std::size_t first_after(const token::context& c, std::span<const std::size_t> visual) {
  if (visual.empty() || visual.back() + 1 == c.tokens())
    raise<value_error>("fitprune: there is no token after the last visual one");
  return visual.back() + 1;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// Drops the visual tokens that receive the least attention from the text after them and from each
/// other.
///
/// Use it with the schedule that token::fitprune_fit finds for a model. Together they drop, layer
/// by layer, the tokens whose loss changes the attention least.
///
///     H(q, t)  = max over heads of A(head, q, t)
///     cross(t) = mean over the queries q after the last visual token of H(q, t)
///     self(t)  = mean over the visual queries q of H(q, t)
///     score(t) = cross(t) * self(t)
///
/// Ties: the lower index is dropped first. The rows of attention of all visual tokens and of the
/// tokens after them are required. A sequence that ends with its image is refused.
/// Source: Ye et al. 2024, FitPrune (arXiv 2409.10197).
struct fitprune {
  using role = tamp::role::token;
  static constexpr observable reads = observable::visual_queries | observable::text_queries;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }

  std::string label() const { return "fitprune"; }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    const received_attention received = means(c);
    const std::vector<std::size_t> visual = c.visual();
    std::vector<double> scores;
    for (std::size_t k = 0, v = 0; k < candidates.size(); ++k) {
      while (visual[v] != candidates[k]) ++v;
      scores.push_back(received.cross[v] * received.self[v]);
    }
    return detail::highest_scoring<double>(candidates, scores, count);
  }

  /// Returns cross and self of every visual token.
  /// @throws value_error if no token follows the last visual one, or the attention that `reads`
  ///         names is not all present, finite and nonnegative
  static received_attention statistics(const context& c) {
    detail::check_context("fitprune", c, reads, only_visual);
    return means(c);
  }

  friend bool operator==(const fitprune&, const fitprune&) = default;

 private:
  static received_attention means(const context& c) {
    const std::vector<std::size_t> visual = c.visual();
    const std::size_t after = detail::first_after(c, visual);
    std::vector<double> cross(c.tokens()), self(c.tokens());
    const auto add_to = [](std::vector<double>& sums) {
      return [&](std::size_t, std::span<const float> row) { detail::add_row(row, sums); };
    };
    detail::for_each_strongest(c.attention, after, c.tokens(), add_to(cross));
    for (const std::size_t query : visual)
      detail::for_each_strongest(c.attention, query, query + 1, add_to(self));
    for (double& sum : cross) sum /= static_cast<double>(c.tokens() - after);
    for (double& sum : self) sum /= static_cast<double>(visual.size());
    return {detail::of_tokens(cross, visual), detail::of_tokens(self, visual)};
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
