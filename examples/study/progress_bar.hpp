#pragma once

// One line at the bottom of a terminal; nothing at all where the output is not a terminal.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace study {

class progress_bar {
 public:
  ~progress_bar() { clear(); }

  bool is_shown() const { return terminal_; }

  void show(double fraction, std::string_view text) {
    if (!terminal_) return;
    constexpr std::size_t width = 30;
    const auto filled =
        static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(width));
    fmt::print(stderr, "\r\x1b[K[{}{}] {}", std::string(filled, '#'),
               std::string(width - filled, '.'), text);
    std::fflush(stderr);
  }
  void clear() {
    if (terminal_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  bool terminal_ = isatty(fileno(stderr)) != 0;
};

}  // namespace study
