#pragma once

/// @file
/// The number of visual tokens that stay, of all images or of each frame.

#include <cstddef>
#include <span>
#include <string_view>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "context.hpp"
#include "detail/frames.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The number of visual tokens that stay.
///
/// A frame is one of the grid of an image or video, and of a context without grids an image. Frames
/// are counted through all images, in the order of their first tokens. token::frame_quotas splits a
/// total over them.
struct quota {
  std::size_t keep = 0;               ///< of all images of the sequence together
  std::size_t minimum_per_image = 0;  ///< of each, as far as it has them and `keep` allows
  std::size_t minimum_per_frame = 0;  ///< the same of each frame; with no minimum of images
  /// The exact number of each frame, (frames,), of which `keep` is the sum. Each frame is then chosen
  /// from alone, and no minimum may be given. Empty: frames compete.
  std::span<const std::size_t> per_frame{};
};

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a quota that contradicts itself or the frames of a context.
inline void check_quota(std::string_view who, const token::context& c, const token::quota& q) {
  check_list(who, "numbers of frames", q.per_frame);
  if (q.minimum_per_image != 0 && q.minimum_per_frame != 0)
    raise<value_error>(who,
                       ": a minimum of each image and one of each frame are two rules: give one");
  if (q.per_frame.empty()) return;
  if (q.minimum_per_image != 0 || q.minimum_per_frame != 0)
    raise<value_error>(who, ": each frame has a number of its own, and no minimum");
  const auto frames = by_frame(c);
  if (frames.size() != q.per_frame.size())
    raise<shape_error>(who, ": ", q.per_frame.size(), " numbers of frames, but ", frames.size(),
                       " frames");
  std::size_t sum = 0;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (q.per_frame[f] > frames[f].size())
      raise<value_error>(who, ": ", q.per_frame[f], " tokens of frame ", f, " are to stay, of ",
                         frames[f].size());
    sum += q.per_frame[f];
  }
  if (sum != q.keep)
    raise<value_error>(who, ": the numbers of frames add up to ", sum, ", and ", q.keep,
                       " tokens are to stay");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
