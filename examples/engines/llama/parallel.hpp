#pragma once

/// @file
/// Several sequences at once.

#include <cstddef>
#include <exception>

namespace llama {

/// Calls `work(i)` for every sequence, in any order and on OpenMP's threads; throws the error of
/// one of those that failed.
template <class Work>
void for_each_sequence(std::size_t count, const Work& work) {
  std::exception_ptr problem;
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < count; ++i) {
    try {
      work(i);
    } catch (...) {
#pragma omp critical(llama_problem)
      problem = std::current_exception();
    }
  }
  if (problem) std::rethrow_exception(problem);
}

}  // namespace llama
