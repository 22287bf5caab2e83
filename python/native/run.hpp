#pragma once

// The threads that run loops, and work without the GIL.

#include <nanobind/nanobind.h>

#include <atomic>
#include <tamp/execute/standard.hpp>

namespace tamp_python {

// 0: as many as OpenMP would use.
inline std::atomic<int> threads = 0;

inline auto executor() {
#if defined(_OPENMP)
  return tamp::execute::openmp{threads.load()};
#else
  return tamp::execute::standard{};
#endif
}

// Returns work(), during which other threads of Python run.
template <class Work>
auto without_gil(const Work& work) {
  const nanobind::gil_scoped_release released;
  return work();
}

}  // namespace tamp_python
