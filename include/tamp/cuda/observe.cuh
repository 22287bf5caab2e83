#pragma once

/// @file
/// Activations of the GPU in, a statistic on the GPU out.

#include "../prune/observe.hpp"
#include "../tensor/traits.hpp"
#include "on.cuh"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The device accumulator of a CPU statistic, as the member `type`; specialised where that is.
template <class Statistic>
struct on_device {};

}  // namespace detail

namespace cuda {

/// The statistic of one batch of activations, (tokens, features), that lie on the GPU:
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(tamp::on(stream), X);
///     norms.add(tamp::on(stream), X2);
///
/// Nothing waits; the accumulator's memory is allocated from `on`.
/// @throws what the accumulator's add throws
template <class Statistic, viewable X>
  requires requires { typename detail::on_device<Statistic>::type; }
auto run_on(const on_stream& on, const observe_operation<Statistic>&, const X& activations) {
  typename detail::on_device<Statistic>::type statistic;
  statistic.add(on, activations);
  return statistic;
}

}  // namespace cuda
}  // namespace tamp::inline TAMP_FLAGS
