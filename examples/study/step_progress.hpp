#pragma once

// The progress of a long job of several steps, on the standard error: a bar on a terminal, and
// elsewhere a line when a step begins and every half minute of a long one.

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "progress_bar.hpp"

namespace study {

class step_progress {
 public:
  explicit step_progress(std::size_t steps) : steps_(steps) {}

  // The next step begins.
  void begin(std::string what) {
    what_ = std::move(what);
    ++step_;
    if (!bar_.is_shown()) say(title());
    show(0);
  }
  // A fraction of the step is done.
  void show(double part) {
    const std::string text = fmt::format("{}: {:.0f} %", title(), 100 * part);
    bar_.show((static_cast<double>(step_ - 1) + part) / static_cast<double>(steps_), text);
    if (!bar_.is_shown() && clock::now() - said_ > std::chrono::seconds(30)) say(text);
  }
  // Ends the bar's line, for other output.
  void clear() { bar_.clear(); }

 private:
  using clock = std::chrono::steady_clock;

  std::string title() const { return fmt::format("step {} of {}, {}", step_, steps_, what_); }
  void say(const std::string& text) {
    fmt::print(stderr, "{}\n", text);
    std::fflush(stderr);
    said_ = clock::now();
  }

  progress_bar bar_;
  std::size_t steps_, step_ = 0;
  std::string what_;
  clock::time_point said_;
};

}  // namespace study
