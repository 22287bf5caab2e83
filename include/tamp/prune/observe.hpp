#pragma once

/// @file
/// Activations in, a statistic out.

#include "../execute/operation.hpp"
#include "../model/observable.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The operation tamp::observe<Statistic>.
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

/// The statistic of one batch of activations, (tokens, features): observe<Statistic>(where, X).
/// More batches go in with add:
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(X);
///     norms.add(X2);
///
/// @throws what Statistic::add throws
template <class Statistic>
inline constexpr observe_operation<Statistic> observe{};

}  // namespace tamp::inline TAMP_FLAGS
