#pragma once

/// @file
/// The place where work runs: an executor of the CPU, or a device.

#include <type_traits>

#include "executor.hpp"

namespace tamp::inline TAMP_FLAGS {

/// True for types that name a device and a way to submit work to it, for example a CUDA stream
/// (tamp/cuda/on.cuh). For a `where` of this kind, an operation calls
/// `run_on(where, operation, arguments...)`, which argument-dependent lookup finds.
template <class T>
inline constexpr bool is_device = false;
template <class T>
concept device = is_device<std::remove_cvref_t<T>>;

/// The type of the first argument of every operation: the place where it runs.
template <class T>
concept place = executor<std::remove_cvref_t<T>> || device<T>;

/// Names the place where an operation runs, for a thread pool as for a CUDA stream:
///
///     const auto keep = tamp::select(tamp::on(pool), W, norms, recipe);
///
/// An executor may also be passed by itself.
template <executor E>
const E& on(const E& executor) noexcept {
  return executor;
}

}  // namespace tamp::inline TAMP_FLAGS
