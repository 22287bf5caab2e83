#pragma once

/// @file
/// Activations in, a statistic out.

#include "../execute/standard.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The statistic of one batch of activations, (tokens, features); more batches go in with add:
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(X);
///     norms.add(X2);
///
/// @throws what Statistic::add throws
template <class Statistic, executor E, tensor_argument X>
[[nodiscard]] Statistic observe(const E& exec, const X& activations) {
  Statistic statistic;
  statistic.add(detail::any_executor(exec), activations);
  return statistic;
}
template <class Statistic, tensor_argument X, executor E = execute::standard>
[[nodiscard]] Statistic observe(const X& activations) {
  return observe<Statistic>(E{}, activations);
}

}  // namespace tamp::inline TAMP_FLAGS
