#pragma once

/// @file
/// Scores whose statistic gives every token a weight.

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "../config.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../stat/weighted.hpp"
#include "detail/score_forms.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// A score with its formula unchanged, whose statistic is taken over weighted tokens. compose makes
/// one of a score and a weighting:
///
///     tamp::compose(tamp::score::sparsegpt{}, tamp::stat::amia_select{}, ...)
///
/// @see stat::weighted for the formulas of the statistics
template <class Score, class Weighting>
  requires tamp::detail::needs_statistic<Score>
struct weighted {
  using role = tamp::role::score;
  using needs = stat::weighted<typename Score::needs, Weighting>;
  static constexpr bool never_nan = requires { requires Score::never_nan; };
  static constexpr bool shows_non_finite = requires { requires Score::shows_non_finite; };
  static constexpr bool repairs = tamp::detail::repairing_score<Score>;
  static constexpr bool refines = tamp::detail::refining_score<Score>;

  Score score{};
  Weighting weighting{};

  std::string label() const {
    return detail::sentence(tamp::label(score), " by ", tamp::label(weighting));
  }
  needs statistic() const {
    if constexpr (requires { score.statistic(); })
      return needs(weighting, score.statistic());
    else
      return needs(weighting);
  }

  template <std::floating_point Real>
    requires std::invocable<const Score&, Real, float>
  TAMP_FN auto operator()(Real weight, float statistic) const {
    return score(weight, statistic);
  }
  template <class E, class Source, class Values>
    requires requires(const Score& s, const E& exec, const Source& weight, const Values& values) {
      s.bind(exec, weight, values);
    }
  auto bind(const E& exec, const Source& weight, const Values& values) const {
    return score.bind(exec, weight, values);
  }
  template <class... Arguments>
    requires requires(const Score& s, Arguments&&... arguments) {
      s.repair(std::forward<Arguments>(arguments)...);
    }
  auto repair(Arguments&&... arguments) const {
    return score.repair(std::forward<Arguments>(arguments)...);
  }

  template <class... Arguments>
    requires requires(const Score& s, Arguments&&... arguments) {
      s.refine(std::forward<Arguments>(arguments)...);
    }
  auto refine(Arguments&&... arguments) const {
    return score.refine(std::forward<Arguments>(arguments)...);
  }

  friend bool operator==(const weighted&, const weighted&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::score
