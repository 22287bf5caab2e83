#pragma once

/// @file
/// Concepts for the three forms of a score.

#include "../role.hpp"
#include "detail/score_forms.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// A score of one weight at a time: `score(weight)`, or `score(weight, statistic)` with the
/// statistic of the weight's column if it `needs` one. It returns float or double.
template <class Score>
concept elementwise =
    policy<Score, role::score> && requires(const Score& score, float weight, float statistic) {
      requires(tamp::detail::needs_statistic<Score> && requires { score(weight, statistic); }) ||
                  (!tamp::detail::needs_statistic<Score> && requires { score(weight); });
    };

/// A score that reads the whole weight once before it can score a row.
///
/// `bind(exec, weight, values)` gives an object that is called with (row number, weights of the
/// row, scores to write). Its `bound_score_type` names the type of its scores, float or double.
template <class Score>
concept row_wise = policy<Score, role::score> && tamp::detail::row_score<Score>;

/// A score that updates the weights that stay, to compensate for the dropped ones.
///
/// `repair(exec, operation, layer, weight, statistic, pattern, sparsity)` gives the repaired
/// weights and their mask. `operation` and `layer` are names for error messages. The score declares
/// `static constexpr bool repairs = true`.
template <class Score>
concept repairing = policy<Score, role::score> && tamp::detail::repairing_score<Score>;

}  // namespace tamp::inline TAMP_FLAGS::score

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a score of none of the three forms, with a sentence that names the missing members.
template <class Score>
consteval void check_score() {
  constexpr bool known = score::repairing<Score> || refining_score<Score> ||
                         score::row_wise<Score> || score::elementwise<Score>;
  static_assert(known || needs_statistic<Score>,
                "this score cannot score anything: give it operator()(float weight) const, or "
                "bind(exec, weight, values) const (see tamp::score::elementwise and row_wise)");
  static_assert(known || !needs_statistic<Score>,
                "this score needs a statistic and cannot score anything: give it "
                "operator()(float weight, float statistic) const, or bind(exec, weight, values) "
                "const (see tamp::score::elementwise and row_wise)");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
