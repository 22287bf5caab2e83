#pragma once

/// @file
/// Concepts for the two forms of a pattern.

#include <concepts>
#include <cstddef>
#include <span>

#include "../detail/mask_word.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../role.hpp"
#include "detail/any_scored_rows.hpp"
#include "detail/pattern_forms.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// A pattern that decides row by row.
///
/// `row_selector<Score>(cols, sparsity)` gives an object that is called with (scores of a row,
/// words of its mask). `Score` is float or double.
template <class Pattern, class Score = float>
concept row_wise =
    policy<Pattern, role::pattern> && tamp::detail::row_pattern<Pattern, Score> &&
    std::constructible_from<typename Pattern::template row_selector<Score>, std::size_t, double> &&
    requires(typename Pattern::template row_selector<Score>& select,
             const tamp::detail::scored_row<Score>& scores,
             std::span<mask::word> words) { select(scores, words); };

/// A pattern that decides on a whole weight.
///
/// `select_tensor(exec, scores, sparsity, keep)` writes the mask `keep`.
/// `scores.for_each_range(exec, body)` hands out rows of scores.
template <class Pattern, class Score = float>
concept tensor_wide =
    policy<Pattern, role::pattern> &&
    requires(const Pattern& pattern, const tamp::detail::any_executor& exec,
             const tamp::detail::any_scored_rows<Score>& scores, double sparsity,
             mask::bitmask& keep) { pattern.select_tensor(exec, scores, sparsity, keep); };

}  // namespace tamp::inline TAMP_FLAGS::pattern

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a pattern of neither form, with a sentence that names the missing members.
template <class Pattern>
consteval void check_pattern() {
  static_assert(
      pattern::row_wise<Pattern> || pattern::tensor_wide<Pattern>,
      "this pattern cannot choose weights: give it a class template row_selector<Score>, made of "
      "(columns, sparsity) and called with (scores of a row, words of its mask), or "
      "select_tensor(exec, scores, sparsity, keep) const (see tamp::pattern::row_wise and "
      "tensor_wide)");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
