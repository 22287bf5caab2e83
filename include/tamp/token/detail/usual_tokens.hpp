#pragma once

/// @file
/// Kernels of the tokens of a video around the means of the video and of their frames.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/mask_word.hpp"
#include "../../detail/square_root.hpp"
#include "../../simd/kept_elements.hpp"
#include "../../simd/similar_rows.hpp"
#include "../rows_view.hpp"
#include "frames.hpp"
#include "steady_channels.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Some channels of the rows of tokens, side by side.
class channels_of_rows {
 public:
  channels_of_rows(const token::rows_view& rows, std::span<const std::size_t> channels)
      : read_(rows),
        words_((rows.cols() + mask::word_bits - 1) / mask::word_bits),
        row_(channels.size() + room) {
    for (const std::size_t j : channels)
      words_[j / mask::word_bits] |= mask::word{1} << j % mask::word_bits;
  }

  /// Returns the chosen channels of a token. They are valid until the next call.
  const float* operator()(std::size_t token) {
    const std::span<const float> row = read_(token);
    with_kept_elements([&](auto loops) {
      loops.template pack_row<sizeof(float)>(std::as_bytes(row).data(), words_.data(), row.size(),
                                             std::as_writable_bytes(std::span(row_)).data());
    });
    return row_.data();
  }

 private:
  static constexpr std::size_t room = 16;  // of a vector that is written past the end

  row_reader<token::rows_view> read_;
  std::vector<mask::word> words_;
  std::vector<float> row_;
};

/// Returns the sum of Gaussian kernels of five widths, of a squared distance.
inline double five_kernels(double squared) noexcept {
  double sum = 0;
  for (const double width : {0.125, 0.25, 0.5, 1.0, 2.0}) sum += std::exp(-squared / (2 * width));
  return sum;
}

/// Writes the kernels of each token of a video around the video's mean and its frame's, of the half of
/// the channels that varies least, with tokens scaled to unit length.
/// @throws value_error if a hidden state is not finite
inline void add_usual(std::string_view who, const token::rows_view& rows, const clip& clip,
                      std::span<double> in_video, std::span<double> in_frame) {
  const std::vector<std::size_t> channels = steady_channels(who, rows, clip.tokens);
  const std::size_t n = channels.size(), frames = clip.grid.frames;
  std::vector<double> scale(clip.tokens.size()), video(n), means(frames * n);
  channels_of_rows read(rows, channels);
  for (std::size_t f = 0, k = 0; f < frames; ++f) {
    const std::span<double> mean(means.data() + f * n, n);
    for (const std::size_t t : clip.frame(f)) {
      const float* const row = read(t);
      with_similar_rows([&](auto similar) {
        const double squares = similar.dot(row, row, n);
        scale[k] = squares == 0 ? 0.0 : 1 / square_root(squares);
        similar.add_scaled(row, n, scale[k++], mean.data());
      });
    }
    for (std::size_t j = 0; j < n; ++j) video[j] += mean[j];
    for (double& m : mean) m /= static_cast<double>(clip.frame(f).size());
  }
  for (double& m : video) m /= static_cast<double>(clip.tokens.size());
  for (std::size_t f = 0, k = 0; f < frames; ++f)
    for (const std::size_t t : clip.frame(f)) {
      const auto distances = with_similar_rows([&](auto similar) {
        return similar.distances_to(read(t), n, scale[k], video.data(), means.data() + f * n);
      });
      in_video[t] = five_kernels(distances.to_one);
      in_frame[t] = five_kernels(distances.to_other);
      ++k;
    }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
