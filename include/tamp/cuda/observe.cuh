#pragma once

/// @file
/// The statistic, on the GPU, of activations on the GPU.

#include "../prune/observe.hpp"
#include "../tensor/traits.hpp"
#include "detail/views.cuh"
#include "on.cuh"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The device accumulator of a CPU statistic, as the member `type`. Specialised in its header.
template <class Statistic>
struct on_device {};

}  // namespace detail

namespace cuda {

/// Returns the statistic of one batch of activations, (tokens, features), on the GPU:
///
///     auto norms = tamp::observe<tamp::stat::column_norm>(tamp::on(stream), X);
///     norms.add(tamp::on(stream), X2);
///
/// Asynchronous. The accumulator's memory is allocated from `on`.
/// @throws the exceptions of the accumulator's add
template <class Statistic, viewable X>
  requires requires { typename detail::on_device<Statistic>::type; }
auto run_on(const on_stream& on, const observe_operation<Statistic>&, const X& activations) {
  typename detail::on_device<Statistic>::type statistic;
  statistic.add(on, activations);
  return statistic;
}
template <class Statistic, any_tensor X>
void run_on(const on_stream&, const observe_operation<Statistic>&, const X&) {
  detail::refuse_any_tensor<X>();
}

}  // namespace cuda
}  // namespace tamp::inline TAMP_FLAGS
