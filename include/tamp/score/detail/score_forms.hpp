#pragma once

/// @file
/// The forms of a score, and the statistic that a policy needs.

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include "../../config.hpp"
#include "../../execute/sequential.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The statistic that a policy needs, or void.
template <class Policy>
struct needed_statistic {
  using type = void;
};
template <class Policy>
  requires requires { typename Policy::needs; }
struct needed_statistic<Policy> {
  using type = typename Policy::needs;
};
template <class Policy>
using needed_statistic_of = typename needed_statistic<Policy>::type;
template <class Policy>
inline constexpr bool needs_statistic = !std::is_void_v<needed_statistic_of<Policy>>;

/// Returns the empty accumulator of a policy's statistic.
template <class Policy>
auto statistic_of(const Policy& policy) {
  if constexpr (requires { policy.statistic(); })
    return policy.statistic();
  else
    return typename Policy::needs{};
}

/// Applies an elementwise score to the weight alone, or to the weight and its column's statistic.
/// Exceptions of the score propagate.
template <class Score, class Real>
TAMP_FN auto score_of(const Score& score, Real weight, [[maybe_unused]] float statistic) {
  if constexpr (needs_statistic<Score>)
    return score(weight, statistic);
  else
    return score(weight);
}

/// A score that reads the whole weight once before it can score a row: `bind(exec, weight, values)`
/// gives an object that is called with (row number, weights of the row, scores to write).
template <class Score>
concept row_score =
    requires(const Score& score, matrix_view<const float> weight, std::span<const float> values,
             const execute::sequential& exec) { score.bind(exec, weight, values); };

/// True if a bound row score takes rows of elements of any type, and returns the sum of the scores
/// and whether weights and scores are usable, as row_scores::score_row does. It is set only for the
/// library's own scores, whose tests prove it.
template <class Bound>
inline constexpr bool looks_at_rows_by_test = false;

/// A score that updates the weights that stay, to compensate for the dropped ones.
template <class Score>
concept repairing_score = requires { requires Score::repairs; };

/// A score whose masks are refined before they are used (see refine::refined).
template <class Score>
concept refining_score = requires { requires Score::refines; };

/// Returns the object that scores rows: the elementwise score itself, or a row score that has read
/// the weight.
template <class E, class Source, class Score>
decltype(auto) bind_score(const E& exec, const Source& weight, const Score& score,
                          std::span<const float> values) {
  if constexpr (row_score<Score>)
    return score.bind(exec, weight, values);
  else
    return (score);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
