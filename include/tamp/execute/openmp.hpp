#pragma once

/// @file
/// One range for each OpenMP thread. Only where the compiler has OpenMP switched on.

#if !defined(_OPENMP)
#  error "tamp/execute/openmp.hpp needs OpenMP: compile with -fopenmp or link tamp::openmp"
#endif

#include <omp.h>

#include <algorithm>
#include <cstddef>

#include "kept_exception.hpp"
#include "range_function.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// body(begin, end), which must not throw, on an OpenMP team of up to `threads` threads, or as many
/// as OpenMP would use if 0.
inline void run_on_openmp(int threads, std::size_t count, execute::range_function body) {
  const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : omp_get_max_threads());
  const std::size_t team = (std::min)(wanted, count);
  if (team <= 1) {
    if (count != 0) body(std::size_t{0}, count);
    return;
  }
  const auto begin_of = [=](std::size_t part) {
    return count / team * part + (std::min)(part, count % team);
  };
#pragma omp parallel for num_threads(static_cast<int>(team)) schedule(static, 1)
  for (std::size_t part = 0; part < team; ++part) body(begin_of(part), begin_of(part + 1));
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::execute {

/// One range for each OpenMP thread; the longest and the shortest differ by at most one.
///
/// If several ranges throw, what the lowest of them threw comes out, as from a sequential loop.
struct openmp {
  int threads = 0;  ///< 0: as many as OpenMP would use
  /// Weights of fewer elements are left to the calling thread: to wake the others takes longer.
  std::size_t grain = 65536;

  template <class Flags = detail::flags_of_unit>
  void for_each_range(std::size_t count, range_function body) const {
    detail::kept_exception thrown;
    const auto part = [&](std::size_t begin, std::size_t end) { thrown.run(body, begin, end); };
    detail::run_on_openmp(threads, count, part);
    thrown.rethrow();
  }
};

}  // namespace tamp::execute
