#pragma once

/// @file
/// The mask that a score and a pattern choose.

#include <cstddef>
#include <span>
#include <string_view>

#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../pattern/detail/any_scored_rows.hpp"
#include "../../pattern/detail/pattern_forms.hpp"
#include "score_forms.hpp"
#include "scored_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Lets a score and a pattern write the mask `keep` of a weight with elements. `values` are the
/// numbers of the score's statistic. Calls then(scores) while the scores can be read: any_scored_rows
/// of the score's type.
/// @throws value_error if a weight is not finite or a score is NaN, and the errors of `choose`
template <executor E, class Source, class Score, class Pattern, class Then>
void choose_by_score(const E& exec, std::string_view operation, std::string_view layer,
                     const Source& weight, const Score& score, std::span<const float> values,
                     const Pattern& pattern, double sparsity, mask::bitmask& keep,
                     const Then& then) {
  const auto& bound = bind_score(exec, weight, score, values);
  const scored_rows scored(weight, bound, values);
  const any_scored_rows<typename decltype(scored)::score_type> scores(scored);
  choose(any_executor(exec), pattern, scores, sparsity, keep, operation, layer);
  scored.raise_if_broken(operation, layer, score);
  then(scores);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
