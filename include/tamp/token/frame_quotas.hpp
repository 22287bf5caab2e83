#pragma once

/// @file
/// Exact splits of a number of tokens over the frames of a video.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "context.hpp"
#include "detail/checked_context.hpp"
#include "detail/frames.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Splits a number over places in proportion to weights, where place f takes at most room[f]. Returns
/// numbers that add up to the total, or to all room if that is less.
///
/// Places whose share is more than their room are filled, and the others share the rest. Shares are
/// rounded down, and what is left goes to the largest remainders; of equals, to the later place. If
/// no place that is open has a weight, all have the same.
inline std::vector<std::size_t> exact_split(std::size_t total, std::span<const std::size_t> room,
                                            std::vector<double> weights) {
  std::vector<std::size_t> split(room.size()), open(room.size());
  std::vector<double> share(room.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  std::erase_if(open, [&](std::size_t f) { return room[f] == 0; });
  while (!open.empty() && total != 0) {
    double sum = 0;
    for (const std::size_t f : open) sum += weights[f];
    if (sum == 0) {
      for (const std::size_t f : open) weights[f] = 1;
      continue;
    }
    for (const std::size_t f : open) share[f] = static_cast<double>(total) * (weights[f] / sum);
    std::size_t filled = 0;
    for (const std::size_t f : open)
      if (share[f] >= static_cast<double>(room[f])) filled += split[f] = room[f];
    if (filled != 0) {
      std::erase_if(open, [&](std::size_t f) { return split[f] == room[f]; });
      total -= (std::min)(total, filled);
      continue;
    }
    std::size_t left = total;
    for (const std::size_t f : open) {
      split[f] = (std::min)(left, static_cast<std::size_t>(share[f]));
      left -= split[f];
    }
    const auto remainder = [&](std::size_t f) { return share[f] - static_cast<double>(split[f]); };
    std::sort(open.begin(), open.end(), [&](std::size_t a, std::size_t b) {
      return remainder(a) > remainder(b) || (remainder(a) == remainder(b) && a > b);
    });
    for (std::size_t k = 0; k < left; ++k) ++split[open[k % open.size()]];
    break;
  }
  return split;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// Splits a number of tokens over the frames of a context, exactly: for quota::per_frame.
///
/// Use it where each frame is to keep a part of its own, evenly or in proportion to how much it
/// matters: the importance of its tokens, its change, the time that it stands for.
///
///     const auto counts = token::frame_quotas(context, 144);
///     token::select(context, token::divprune{}, {.keep = 144, .per_frame = counts});
///
/// Each frame gets `minimum` tokens, or all if it has fewer. The rest is split in proportion to the
/// weights, (frames,), or without them to the tokens of the frames. A frame gets at most what it has,
/// and the others share what is left of its part. Shares are rounded down, and what then remains goes
/// to the largest remainders; of equals, to the later frame. Frames of weight 0 get more than their
/// minimum only where all others are full.
///
/// The numbers add up to `keep`, or to all visual tokens if there are no more.
/// @throws value_error if the minimum does not fit, or a weight is negative or not finite
/// @throws shape_error if there is not one weight for each frame, or parts of the context are of
///         different lengths
inline std::vector<std::size_t> frame_quotas(const context& c, std::size_t keep,
                                             std::span<const double> weights = {},
                                             std::size_t minimum = 0) {
  const detail::ieee_arithmetic as_usual;
  constexpr std::string_view who = "frame_quotas";
  detail::check_context(who, c, observable::none);
  detail::check_list(who, "weights", weights);
  const auto frames = detail::by_frame(c);
  if (!weights.empty() && weights.size() != frames.size())
    detail::raise<shape_error>(who, ": ", weights.size(), " weights, but ", frames.size(),
                               " frames");
  for (std::size_t f = 0; f < weights.size(); ++f)
    if (!detail::is_nonnegative(weights[f]))
      detail::raise<value_error>(who, ": the weight of frame ", f, " is ", weights[f]);

  const double largest =
      weights.empty() ? 1.0 : (std::max)(*std::max_element(weights.begin(), weights.end()), 1e-300);
  std::vector<std::size_t> quotas, room;
  std::vector<double> parts;
  std::size_t all = 0, least = 0;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    quotas.push_back((std::min)(minimum, frames[f].size()));
    room.push_back(frames[f].size() - quotas[f]);
    parts.push_back(weights.empty() ? static_cast<double>(frames[f].size()) : weights[f] / largest);
    all += frames[f].size();
    least += quotas[f];
  }
  const std::size_t total = (std::min)(keep, all);
  if (least > total)
    detail::raise<value_error>(who, ": ", frames.size(), " frames of at least ", minimum,
                               " tokens do not fit into ", keep);
  const std::vector<std::size_t> more = detail::exact_split(total - least, room, std::move(parts));
  for (std::size_t f = 0; f < quotas.size(); ++f) quotas[f] += more[f];
  return quotas;
}

}  // namespace tamp::inline TAMP_FLAGS::token
