#pragma once

/// @file
/// The executor on OpenMP's threads. Include it only where the compiler has OpenMP switched on.

#if !defined(_OPENMP)
#  error "tamp/execute/openmp.hpp needs OpenMP: compile with -fopenmp or link tamp::openmp"
#endif

#include <omp.h>

#include <algorithm>
#include <cstddef>

#include "kept_exception.hpp"
#include "range_function.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Runs body(begin, end) on an OpenMP team of up to `threads` threads, or as many as OpenMP would
/// use if `threads` is 0. `body` must not throw.
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

/// An executor with one range for each OpenMP thread. The lengths of the ranges differ by at most
/// one.
///
/// If several ranges throw, the exception of the lowest one propagates, as from a sequential loop.
struct openmp {
  int threads = 0;  ///< 0: as many as OpenMP would use
  /// The calling thread alone runs loops over fewer elements, since waking the others takes longer.
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
