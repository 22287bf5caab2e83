#pragma once

/// @file
/// The calling thread does everything.

#include <cstddef>

#include "executor.hpp"

namespace tamp::execute {

/// The calling thread does everything, in one range.
struct sequential {
  template <class Body, class Flags = detail::flags_of_unit>
  void for_each_range(std::size_t count, Body&& body) const {
    if (count != 0) body(std::size_t{0}, count);
  }
};

}  // namespace tamp::execute
