#pragma once

/// @file
/// The statistic of a batch of activations, and the statistic that a recipe needs.

#include "../execute/operation.hpp"
#include "../model/observable.hpp"
#include "../score/detail/score_forms.hpp"
#include "../tensor/traits.hpp"
#include "compose.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The type of tamp::observe<Statistic>.
template <class Statistic>
struct observe_operation : detail::operation<observe_operation<Statistic>> {
  using detail::operation<observe_operation<Statistic>>::operator();

  template <executor E, class X>
  [[nodiscard]] Statistic operator()(const E& exec, const X& activations) const {
    static_assert(tensor_argument<X>,
                  "observe<Statistic>(X): X is the activations, (tokens, features), as a tensor "
                  "that tamp can read (see tamp::tensor_traits)");
    static_assert(observables_read<Statistic> == observable::input,
                  "observe<Statistic>(X) shows a statistic the inputs of a layer, and this one "
                  "reads something else: call its add, or tamp::calibrate");
    Statistic statistic;
    statistic.add(detail::any_executor(exec), activations);
    return statistic;
  }
};

/// Returns the statistic of one batch of activations, (tokens, features):
/// observe<Statistic>(where, X). Add further batches with add:
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(X);
///     norms.add(X2);
///
/// @throws the exceptions of Statistic::add
template <class Statistic>
inline constexpr observe_operation<Statistic> observe{};

/// Returns the empty statistic that a recipe's score and refinements need, for one weight:
///
///     auto seen = tamp::statistic_for(recipe);
///     seen.add(X).add(X2);
///     const auto keep = tamp::select(W, seen, recipe);
template <class Recipe>
[[nodiscard]] auto statistic_for(const Recipe& recipe) {
  static_assert(detail::is_recipe<Recipe>,
                "statistic_for(recipe): compose a score and a pattern with tamp::compose");
  using score = typename Recipe::score_policy;
  static_assert(detail::needs_statistic<score>, "this recipe's score needs no statistic");
  return detail::statistic_of(recipe.score);
}

}  // namespace tamp::inline TAMP_FLAGS
