#pragma once

/// @file
/// The executor on the calling thread alone.

#include <cstddef>

#include "executor.hpp"

namespace tamp::execute {

/// An executor that runs a loop on the calling thread, in one range.
struct sequential {
  template <class Body, class Flags = detail::flags_of_unit>
  void for_each_range(std::size_t count, Body&& body) const {
    if (count != 0) body(std::size_t{0}, count);
  }
};

}  // namespace tamp::execute
