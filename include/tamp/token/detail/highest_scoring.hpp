#pragma once

/// @file
/// The candidates with the largest scores.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the candidates with the `count` largest scores, in their order. Ties: the lower index is
/// dropped first.
template <class Score>
std::vector<std::size_t> highest_scoring(std::span<const std::size_t> candidates,
                                         std::span<const Score> scores, std::size_t count) {
  std::vector<std::size_t> chosen;
  if (count == 0) return chosen;
  const auto drop = static_cast<std::ptrdiff_t>(candidates.size() - count);
  std::vector<Score> sorted(scores.begin(), scores.end());
  std::nth_element(sorted.begin(), sorted.begin() + drop, sorted.end());
  const Score lowest = sorted[static_cast<std::size_t>(drop)];  // of those that stay
  const auto above = std::count_if(scores.begin(), scores.end(),
                                   [&](const Score& score) { return score > lowest; });
  auto ties = std::count(scores.begin(), scores.end(), lowest) + above -
              static_cast<std::ptrdiff_t>(count);  // number of ties to drop
  for (std::size_t k = 0; k < candidates.size(); ++k)
    if (scores[k] > lowest || (scores[k] == lowest && --ties < 0)) chosen.push_back(candidates[k]);
  return chosen;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
