#pragma once

/// @file
/// The pattern that drops the same number of weights in every row.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../mask/detail/bits.hpp"
#include "../role.hpp"
#include "../simd/selection.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// Drops the lowest-scored weights of each row.
///
/// The default choice: Wanda found that comparing only weights that feed the same output works best
/// for language models.
///
///     drop(row) = floor(cols * sparsity) lowest scores of the row
///
/// Ties: the lower column is dropped first. The time is linear in the number of columns.
/// Source: Sun et al. 2024 (arXiv 2306.11695), section 3.
/// @see pattern::per_tensor, which compares all weights of the layer
struct per_row {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "per_row"; }

  template <class Score>
  class row_selector {
   public:
    row_selector(std::size_t cols, double sparsity)
        : drop_(detail::drop_count(cols, sparsity)), scratch_(detail::cut_scratch(cols)) {}

    /// Sets the bits of `keep` for one row of scores.
    void operator()(const detail::scored_row<Score>& scores, std::span<mask::word> keep) {
      const std::size_t cols = scores.size();
      if (drop_ == 0 || drop_ == cols)
        return detail::pack_bits(keep, cols, [&](std::size_t) { return drop_ == 0; });

      const auto [threshold, below, equal] = detail::with_selection([&](auto loops) {
        const auto cut = loops.cut_row(scores, drop_, forecast_, scratch_.data());
        loops.keep_above(scores.data(), cols, cut.threshold, keep.data());
        return cut;
      });

      // Ties with the threshold: the leftmost `ties` are dropped, the others stay.
      auto ties = drop_ - below;
      if (ties == equal) return;
      not_below_.resize(keep.size());
      detail::with_selection([&, cut_at = threshold](auto loops) {
        loops.template keep_above<true>(scores.data(), cols, cut_at, not_below_.data());
      });
      for (std::size_t w = 0; w < keep.size(); ++w) {
        mask::word equals = not_below_[w] & ~keep[w];
        for (; ties != 0 && equals != 0; --ties) equals &= equals - 1;
        keep[w] |= equals;
      }
    }

    void operator()(std::span<const Score> scores, std::span<mask::word> keep) {
      (*this)({scores, std::accumulate(scores.begin(), scores.end(), Score{0})}, keep);
    }

   private:
    std::size_t drop_;
    std::vector<Score> scratch_;
    std::vector<mask::word> not_below_;
    detail::cut_forecast<Score> forecast_;
  };

  friend bool operator==(const per_row&, const per_row&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
