#pragma once

/// @file
/// Several sequences at once.

#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

namespace llama {

/// A function that gets the fraction of some work that is done, from any thread but one at a time.
using progress_function = std::function<void(double)>;

/// Calls `work(i)` for every sequence, in any order and on OpenMP's threads; throws the error of
/// one of those that failed.
template <class Work>
void for_each_sequence(std::size_t count, const Work& work,
                       const progress_function& on_progress = {}) {
  std::exception_ptr problem;
  std::mutex telling;
  std::size_t done = 0;
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < count; ++i) {
    try {
      work(i);
      if (!on_progress) continue;
      const std::scoped_lock alone(telling);
      on_progress(static_cast<double>(++done) / static_cast<double>(count));
    } catch (...) {
#pragma omp critical(llama_problem)
      problem = std::current_exception();
    }
  }
  if (problem) std::rethrow_exception(problem);
}

}  // namespace llama
