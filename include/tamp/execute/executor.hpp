#pragma once

/// @file
/// Who runs the loops: the concept of an executor.

#include <concepts>
#include <cstddef>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {
struct any_range_function {
  void operator()(std::size_t, std::size_t) const {}
};
}  // namespace detail

/// Runs a loop in pieces.
///
/// `for_each_range(count, body)` calls `body(begin, end)` for ranges that together cover [0, count)
/// once, on any threads and in any order, and returns when all are done. Whatever `body` throws
/// must come out of it. No result of tamp depends on how the ranges are cut. A host's own thread
/// pool joins by a class with this one function.
template <class E>
concept executor = requires(const E& e, std::size_t count, detail::any_range_function body) {
  e.for_each_range(count, body);
};

namespace detail {

/// exec.for_each_range(count, body), where each of the indices stands for `work` elements; on the
/// calling thread if they are together fewer than the executor's `grain`, where it has one.
template <executor E, class Body>
void for_each_range(const E& exec, std::size_t count, std::size_t work, const Body& body) {
  if constexpr (requires { exec.grain; }) {
    if (count != 0 && work < exec.grain / count) return body(std::size_t{0}, count);
  }
  exec.for_each_range(count, body);
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
