#pragma once

/// @file
/// The time that a part of a long operation takes, for its report.

#include <time.h>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Counts seconds from its construction on. It reads the clock of POSIX, since `<chrono>` takes as
/// long to compile as all of a program that prunes one layer.
class stopwatch {
 public:
  double seconds() const noexcept { return now() - start_; }

 private:
  static double now() noexcept {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  double start_ = now();
};

}  // namespace tamp::inline TAMP_FLAGS::detail
