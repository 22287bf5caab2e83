#pragma once

/// @file
/// One range for each OpenMP thread. Only where the compiler has OpenMP switched on.

#if !defined(_OPENMP)
#  error "tamp/execute/openmp.hpp needs OpenMP: compile with -fopenmp or link tamp::openmp"
#endif

#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <exception>

#include "../config.hpp"
#include "executor.hpp"

namespace tamp::execute {

/// One range for each OpenMP thread; the longest and the shortest differ by at most one.
///
/// If several ranges throw, what the lowest of them threw comes out, as from a sequential loop.
struct openmp {
  int threads = 0;  ///< 0: as many as OpenMP would use
  /// Weights of fewer elements are left to the calling thread: to wake the others takes longer.
  std::size_t grain = 65536;

  template <class Body>
  void for_each_range(std::size_t count, Body&& body) const {
    const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : omp_get_max_threads());
    const std::size_t team = (std::min)(wanted, count);
    if (team <= 1) {
      if (count != 0) body(std::size_t{0}, count);
      return;
    }
#if TAMP_EXCEPTIONS
    std::exception_ptr thrown;  // an exception must not leave the parallel region
    std::size_t thrown_by = team;
#endif
#pragma omp parallel for num_threads(static_cast<int>(team)) schedule(static, 1)
    for (std::size_t part = 0; part < team; ++part) {
#if TAMP_EXCEPTIONS
      try {
#endif
        body(begin_of(part, count, team), begin_of(part + 1, count, team));
#if TAMP_EXCEPTIONS
      } catch (...) {
#  pragma omp critical(tamp_execute_openmp)
        if (part < thrown_by) {
          thrown = std::current_exception();
          thrown_by = part;
        }
      }
#endif
    }
#if TAMP_EXCEPTIONS
    if (thrown) std::rethrow_exception(thrown);
#endif
  }

 private:
  static std::size_t begin_of(std::size_t part, std::size_t count, std::size_t team) {
    return count / team * part + (std::min)(part, count % team);
  }
};

}  // namespace tamp::execute
