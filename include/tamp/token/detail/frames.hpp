#pragma once

/// @file
/// The images and videos of a context, and their frames.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../error.hpp"
#include "../context.hpp"
#include "../grid.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns one list of tokens for each image, in the order of the images' first tokens.
inline std::vector<std::vector<std::size_t>> by_image(const token::context& c,
                                                      std::span<const std::size_t> candidates) {
  std::vector<std::vector<std::size_t>> images;
  std::vector<std::pair<std::uint32_t, std::size_t>> places;  // of images, by their numbers
  const auto place = [&](std::uint32_t image) {
    const auto at =
        std::lower_bound(places.begin(), places.end(), std::pair{image, std::size_t{0}});
    if (at != places.end() && at->first == image) return at->second;
    return places.emplace(at, image, images.size())->second;
  };
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    const std::size_t t = candidates[k];
    std::size_t image = images.size();
    if (!c.images.empty())
      image = place(c.images[t]);
    else if (k != 0 && candidates[k - 1] + 1 == t && c.kinds[t - 1] == c.kinds[t])
      image = images.size() - 1;
    if (image == images.size()) images.emplace_back();
    images[image].push_back(t);
  }
  return images;
}

/// The visual tokens of one image or video, ascending, and where they lie.
struct clip {
  std::vector<std::size_t> tokens;
  token::grid grid;

  /// The tokens of one frame.
  std::span<const std::size_t> frame(std::size_t f) const {
    const std::size_t places = tokens.size() / grid.frames;
    return std::span(tokens).subspan(f * places, places);
  }
};

/// Returns the images and videos of a context that was checked. Without grids, each image is one
/// frame of one row.
inline std::vector<clip> clips(const token::context& c) {
  std::vector<clip> all;
  for (std::vector<std::size_t>& tokens : by_image(c, c.visual())) {
    const std::size_t width = tokens.size();
    all.push_back(
        {std::move(tokens), c.grids.empty() ? token::grid{.width = width} : c.grids[all.size()]});
  }
  return all;
}

/// Returns the tokens of each frame of all images and videos, in their order.
inline std::vector<std::vector<std::size_t>> by_frame(const token::context& c) {
  std::vector<std::vector<std::size_t>> frames;
  for (const clip& one : clips(c))
    for (std::size_t f = 0; f < one.grid.frames; ++f) {
      const std::span<const std::size_t> tokens = one.frame(f);
      frames.emplace_back(tokens.begin(), tokens.end());
    }
  return frames;
}

/// Refuses grids that are not those of the images of a context.
inline void check_grids(std::string_view who, const token::context& c) {
  check_list(who, "grids", c.grids);
  if (c.grids.empty()) return;
  const auto images = by_image(c, c.visual());
  if (images.size() != c.grids.size())
    raise<shape_error>(who, ": the grids are of ", c.grids.size(), " images, the context has ",
                       images.size());
  for (std::size_t k = 0; k < images.size(); ++k) {
    const token::grid& g = c.grids[k];
    if (checked_product(who, g.frames, checked_product(who, g.height, g.width)) != images[k].size())
      raise<shape_error>(who, ": the grid of image ", k, " is of ", g.frames, " x ", g.height,
                         " x ", g.width, " tokens, the image of ", images[k].size());
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
