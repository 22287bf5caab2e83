#pragma once

/// @file
/// The executor on LibTorch's threads.

#include <ATen/Config.h>
#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#  error \
      "tamp/adapt/torch_executor.hpp needs OpenMP, which this LibTorch's threads belong to: compile with -fopenmp or link tamp::openmp"
#endif

#include <ATen/Parallel.h>

#include <cstddef>
#include <cstdint>

#include "../execute/kept_exception.hpp"
#include "../execute/range_function.hpp"

namespace tamp::execute {

/// An executor on the threads of at::parallel_for, as many as at::get_num_threads() says, with one
/// range for each. Within a parallel region of LibTorch, the calling thread runs the loop.
///
/// If several ranges throw, the exception of the lowest one propagates, as from a sequential loop.
struct torch_threads {
  /// The calling thread alone runs loops over fewer elements, since waking the others takes longer.
  std::size_t grain = 65536;

  template <class Flags = detail::flags_of_unit>
  void for_each_range(std::size_t count, range_function body) const {
    detail::kept_exception thrown;
    at::parallel_for(
        0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
          thrown.run(body, static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
        });
    thrown.rethrow();
  }
};

}  // namespace tamp::execute
