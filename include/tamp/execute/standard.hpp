#pragma once

/// @file
/// The executor that is used when none is named.

#include <atomic>
#include <cstddef>

#include "executor.hpp"
#include "kept_exception.hpp"
#include "range_function.hpp"
#if defined(_OPENMP)
#  include "openmp.hpp"
#endif

namespace tamp::execute {

/// What a program has once, whatever flags its units are compiled with.
namespace program {

/// Runs a body, which does not throw, on several threads; null: no unit knows of any.
inline constinit std::atomic<void (*)(std::size_t count, range_function body)> run_on_threads =
    nullptr;
/// The length of the name of that unit's flags.
inline constinit std::atomic<std::size_t> flags_of_threads = 0;

}  // namespace program

/// OpenMP's threads if a unit of the program is compiled with OpenMP, else the calling thread
/// alone.
///
/// It is one type in all units, with OpenMP or without, and so is what it runs. Units with OpenMP
/// hand their threads over before main begins; what a static object's constructor runs before that
/// runs on the calling thread. If several ranges throw, what the lowest of them threw comes out, as
/// from a sequential loop.
struct standard {
  /// Weights of fewer elements are left to the calling thread: to wake the others takes longer.
  std::size_t grain = 65536;

  template <class Flags = detail::flags_of_unit>
  void for_each_range(std::size_t count, range_function body) const {
    const auto run = program::run_on_threads.load(std::memory_order_relaxed);
    if (run == nullptr) {
      if (count != 0) body(std::size_t{0}, count);
      return;
    }
    detail::kept_exception thrown;
    const auto part = [&](std::size_t begin, std::size_t end) { thrown.run(body, begin, end); };
    run(count, part);
    thrown.rethrow();
  }
};

}  // namespace tamp::execute

#if defined(_OPENMP)
namespace tamp::inline TAMP_FLAGS::detail {

inline void run_on_all_threads(std::size_t count, execute::range_function body) {
  run_on_openmp(0, count, body);
}

/// Makes OpenMP's threads the program's. Of several units, the one with the fewest flags counts:
/// its code runs wherever that of the others does.
inline const bool has_handed_over_threads = [] {
  constexpr std::size_t length = sizeof(TAMP_FLAGS_TEXT(TAMP_FLAGS));
  const std::size_t before = execute::program::flags_of_threads;
  if (before != 0 && before <= length) return false;
  execute::program::run_on_threads = &run_on_all_threads;
  execute::program::flags_of_threads = length;
  return true;
}();

}  // namespace tamp::inline TAMP_FLAGS::detail
#endif
