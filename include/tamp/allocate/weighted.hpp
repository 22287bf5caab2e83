#pragma once

/// @file
/// Allocations whose statistic gives every token a weight.

#include <string>

#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../score/detail/score_forms.hpp"
#include "../stat/weighted.hpp"
#include "allocation.hpp"
#include "concepts.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// An allocation with its formula unchanged, whose statistic is taken over weighted tokens:
///
///     tamp::allocate::weighted{tamp::allocate::das{.sparsity = 0.6}, tamp::stat::reach{}}
///
/// @see stat::weighted for the formulas of the statistics. allocate::owl reads the statistic of its
///      score, which may be a score::weighted.
template <class Allocate, class Weighting>
  requires tamp::detail::needs_statistic<Allocate>
struct weighted {
  using role = tamp::role::allocate;
  using needs = stat::weighted<typename Allocate::needs, Weighting>;
  static constexpr granularity unit = Allocate::unit;

  Allocate allocate{};
  Weighting weighting{};

  std::string label() const {
    return detail::sentence(tamp::label(allocate), " by ", tamp::label(weighting));
  }
  needs statistic() const {
    if constexpr (requires { allocate.statistic(); })
      return needs(weighting, allocate.statistic());
    else
      return needs(weighting);
  }

  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    return allocate(exec, units);
  }

  friend bool operator==(const weighted&, const weighted&) = default;
};
template <class Allocate, class Weighting>
weighted(Allocate, Weighting) -> weighted<Allocate, Weighting>;

}  // namespace tamp::inline TAMP_FLAGS::allocate
