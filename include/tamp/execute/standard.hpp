#pragma once

/// @file
/// The default executor.

#include <atomic>
#include <cstddef>

#include "executor.hpp"
#include "kept_exception.hpp"
#include "range_function.hpp"
#if defined(_OPENMP)
#  include "openmp.hpp"
#endif

namespace tamp::execute {

/// Variables that exist once in a program, whatever flags its units are compiled with.
namespace program {

/// A function that runs a body, which must not throw, on several threads. Null if no unit has one.
inline constinit std::atomic<void (*)(std::size_t count, range_function body)> run_on_threads =
    nullptr;
/// The length of the name of the flags of the unit that registered the function.
inline constinit std::atomic<std::size_t> flags_of_threads = 0;

}  // namespace program

/// The default executor: OpenMP's threads if a unit of the program is compiled with OpenMP, else
/// the calling thread alone.
///
/// It is the same type in all units, with and without OpenMP, and runs the same code. Units with
/// OpenMP register their threads before main begins. Loops that run before, in constructors of
/// static objects, run on the calling thread. If several ranges throw, the exception of the lowest
/// one propagates, as from a sequential loop.
struct standard {
  /// The calling thread alone runs loops over fewer elements, since waking the others takes longer.
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

/// Registers OpenMP's threads for the program. Of several units, the one with the fewest flags
/// wins, since its code runs on every processor that the others' code runs on.
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
