#pragma once

/// @file
/// An executor that cuts ranges at multiples of a width alone.

#include <algorithm>
#include <cstddef>

#include "../executor.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// An executor whose ranges begin at multiples of `width`, run by another executor. `width` indices
/// that belong together stay on one thread.
struct in_strips {
  in_strips(const any_executor& by, std::size_t indices) noexcept
      : exec(by), width(indices), grain(by.grain) {}

  template <class Body>
  void for_each_range(std::size_t count, const Body& body) const {
    exec.for_each_range(count / width + (count % width != 0), [&](auto begin, auto end) {
      if (begin != end) body(begin * width, (std::min)(end * width, count));
    });
  }

  const any_executor& exec;
  std::size_t width, grain;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
