#pragma once

/// @file
/// Where work runs: an executor of the CPU, or a device.

#include <type_traits>

#include "executor.hpp"

namespace tamp::inline TAMP_FLAGS {

/// True for types that name a device and a way to put work there, such as a CUDA stream
/// (tamp/cuda/on.cuh). An operation of tamp calls `run_on(where, operation, arguments...)` for such
/// a `where`, which is found by its namespace.
template <class T>
inline constexpr bool is_device = false;
template <class T>
concept device = is_device<std::remove_cvref_t<T>>;

/// What may be the first argument of every operation: where it runs.
template <class T>
concept place = executor<std::remove_cvref_t<T>> || device<T>;

/// Names where an operation runs, for a thread pool as for a CUDA stream:
///
///     const auto keep = tamp::select(tamp::on(pool), W, norms, recipe);
///
/// An executor may also stand there by itself.
template <executor E>
const E& on(const E& executor) noexcept {
  return executor;
}

}  // namespace tamp::inline TAMP_FLAGS
