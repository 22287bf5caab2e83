#pragma once

// The progress of a run, in bytes.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tamp/io/detail/shown.hpp>
#include <utility>

#include "../study/progress_bar.hpp"

namespace tamp_prune {

// Called with the bytes that are done, all bytes, and what was done last.
using progress_function =
    std::function<void(std::uint64_t done, std::uint64_t bytes, std::string_view what)>;

// The bytes read and written so far, with the rate and the time that is left. A function that is
// given takes the place of the bar.
class progress {
 public:
  explicit progress(std::uint64_t bytes, bool is_shown = true, progress_function on_progress = {})
      : bytes_(bytes), is_shown_(is_shown), on_progress_(std::move(on_progress)) {}

  void add(std::uint64_t bytes, std::string_view what) {
    done_ += bytes;
    if (on_progress_) return on_progress_(done_, bytes_, what);
    if (!is_shown_) return;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double rate = static_cast<double>(done_) / (seconds > 0 ? seconds : 1);
    const double left = rate > 0 ? static_cast<double>(bytes_ - std::min(done_, bytes_)) / rate : 0;
    bar_.show(
        static_cast<double>(done_) / static_cast<double>(bytes_ == 0 ? 1 : bytes_),
        fmt::format("{:.0f} MB/s, {:.0f} s left, {}", rate / 1e6, left, tamp::detail::shown(what)));
  }
  // The bytes of an earlier run say nothing of the rate.
  void skip(std::uint64_t bytes) { bytes_ -= std::min(bytes, bytes_); }
  void clear() { bar_.clear(); }

 private:
  study::progress_bar bar_;
  std::uint64_t bytes_, done_ = 0;
  bool is_shown_;
  progress_function on_progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tamp_prune
