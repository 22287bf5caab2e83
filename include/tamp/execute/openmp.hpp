#pragma once

/// @file
/// One range for each OpenMP thread. Only where the compiler has OpenMP switched on.

#if !defined(_OPENMP)
#error "tamp/execute/openmp.hpp needs OpenMP: compile with -fopenmp or link tamp::openmp"
#endif

#include <omp.h>

#include <algorithm>
#include <exception>

#include "../config.hpp"
#include "executor.hpp"

namespace tamp::execute {

/// One range for each OpenMP thread, equal in length to one.
struct openmp {
  int threads = 0;  ///< 0: as many as OpenMP would use

  template <class Body>
  void for_each_range(std::size_t count, Body&& body) const {
    const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : omp_get_max_threads());
    const std::size_t team = std::min(wanted, count);
    if (team <= 1) {
      if (count != 0) body(std::size_t{0}, count);
      return;
    }
    std::exception_ptr thrown;  // an exception must not leave the parallel region
#pragma omp parallel for num_threads(static_cast<int>(team)) schedule(static, 1)
    for (std::size_t part = 0; part < team; ++part) {
#if TAMP_EXCEPTIONS
      try {
#endif
        body(begin_of(part, count, team), begin_of(part + 1, count, team));
#if TAMP_EXCEPTIONS
      } catch (...) {
#pragma omp critical(tamp_execute_openmp)
        thrown = std::current_exception();
      }
#endif
    }
#if TAMP_EXCEPTIONS
    if (thrown) std::rethrow_exception(thrown);
#endif
  }

 private:
  static std::size_t begin_of(std::size_t part, std::size_t count, std::size_t team) {
    return count / team * part + std::min(part, count % team);
  }
};

}  // namespace tamp::execute
