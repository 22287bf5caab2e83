#pragma once

/// @file
/// Loops over strips: neighbouring indices that stay on one thread.

#include <algorithm>
#include <cstddef>

#include "../executor.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Calls body(first, past) for ranges that together cover [0, count) once. Every range begins at a
/// multiple of `width`, and has one strip of `width` indices or several; the last strip may be
/// shorter. `work` is the number of elements that an index stands for, as in for_each_range.
template <executor E, class Body>
void for_each_strip(const E& exec, std::size_t count, std::size_t width, std::size_t work,
                    const Body& body) {
  const std::size_t strips = count / width + (count % width != 0);
  detail::for_each_range(exec, strips, width * work, [&](std::size_t begin, std::size_t end) {
    if (begin != end) body(begin * width, (std::min)(end * width, count));
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
