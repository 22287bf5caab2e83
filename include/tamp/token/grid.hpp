#pragma once

/// @file
/// The places of the visual tokens of an image or a video.

#include <cstddef>

#include "../detail/checked.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The frames of one image or video, and the rows and columns of tokens of each frame.
///
/// The tokens of an image or video, in ascending order, are its frames one after another, and each
/// frame is its rows one after another: the token at (frame, row, column) is number (frame * height
/// + row) * width + column of them. They count what the language model sees. A model that merges
/// 2 x 2 patches into a token has half the rows and half the columns of its encoder, and a model
/// that merges two frames has half the frames.
struct grid {
  std::size_t frames = 1;
  std::size_t height = 1;
  std::size_t width = 1;

  /// The tokens of one frame.
  /// @throws shape_error if the product does not fit into std::size_t, as does `tokens`
  constexpr std::size_t places() const { return detail::checked_product("grid", height, width); }
  /// The tokens of all frames.
  constexpr std::size_t tokens() const { return detail::checked_product("grid", frames, places()); }

  friend bool operator==(const grid&, const grid&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
