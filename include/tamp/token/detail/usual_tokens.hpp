#pragma once

/// @file
/// Kernels of the tokens of a video around the means of the video and of their frames.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/number_range.hpp"
#include "../../detail/square_root.hpp"
#include "../rows_view.hpp"
#include "checked_context.hpp"
#include "frames.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the channels of lowest variance over some tokens, ascending: half of all, rounded down, at
/// least one. Ties: the lower channel is dropped first.
inline std::vector<std::size_t> steady_channels(std::string_view who, const token::rows_view& rows,
                                                std::span<const std::size_t> tokens) {
  const std::size_t cols = rows.cols();
  const auto count = static_cast<double>(tokens.size());
  std::vector<double> mean(cols), variance(cols);
  row_reader read(rows);
  for (const std::size_t t : tokens) {
    const std::span<const float> row = read(t);
    for (std::size_t j = 0; j < cols; ++j) mean[j] += static_cast<double>(row[j]);
  }
  for (double& m : mean) m /= count;
  for (const std::size_t t : tokens) {
    const std::span<const float> row = read(t);
    for (std::size_t j = 0; j < cols; ++j) {
      const double difference = static_cast<double>(row[j]) - mean[j];
      variance[j] += difference * difference;
    }
  }
  for (double& v : variance) v /= count;
  static_cast<void>(who);
  std::vector<std::size_t> order(cols);
  for (std::size_t j = 0; j < cols; ++j) order[j] = j;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return variance[a] > variance[b] || (variance[a] == variance[b] && a < b);
  });
  const std::size_t kept = (std::min)(cols, (std::max)(std::size_t{1}, cols / 2));
  order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(kept));
  std::sort(order.begin(), order.end());
  return order;
}

/// The sum of Gaussian kernels of five widths, of a squared distance.
inline double five_kernels(double squared) noexcept {
  double sum = 0;
  for (const double width : {0.125, 0.25, 0.5, 1.0, 2.0}) sum += std::exp(-squared / (2 * width));
  return sum;
}

/// Writes the kernels of each token of a video around the video's mean and its frame's.
inline void add_usual(std::string_view who, const token::rows_view& rows, const clip& clip,
                      std::span<double> in_video, std::span<double> in_frame) {
  check_finite(who, "hidden state", rows, [&](std::size_t t) {
    return std::binary_search(clip.tokens.begin(), clip.tokens.end(), t);
  });
  const std::vector<std::size_t> channels = steady_channels(who, rows, clip.tokens);
  const std::size_t n = channels.size(), frames = clip.grid.frames;
  std::vector<double> unit(n), video(n), means(frames * n);
  row_reader read(rows);
  const auto load_unit = [&](std::size_t t) {
    const std::span<const float> row = read(t);
    double squares = 0;
    for (std::size_t k = 0; k < n; ++k) {
      unit[k] = static_cast<double>(row[channels[k]]);
      squares += unit[k] * unit[k];
    }
    const double length = squares == 0 ? 1.0 : square_root(squares);
    for (double& x : unit) x /= length;
  };
  for (std::size_t f = 0; f < frames; ++f) {
    double* const mean = means.data() + f * n;
    for (const std::size_t t : clip.frame(f)) {
      load_unit(t);
      for (std::size_t k = 0; k < n; ++k) mean[k] += unit[k];
    }
    for (std::size_t k = 0; k < n; ++k) {
      video[k] += mean[k];
      mean[k] /= static_cast<double>(clip.frame(f).size());
    }
  }
  for (double& m : video) m /= static_cast<double>(clip.tokens.size());
  for (std::size_t f = 0; f < frames; ++f)
    for (const std::size_t t : clip.frame(f)) {
      load_unit(t);
      double to_video = 0, to_frame = 0;
      for (std::size_t k = 0; k < n; ++k) {
        const double a = unit[k] - video[k], b = unit[k] - means[f * n + k];
        to_video += a * a;
        to_frame += b * b;
      }
      in_video[t] = five_kernels(to_video);
      in_frame[t] = five_kernels(to_frame);
    }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
