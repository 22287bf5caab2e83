#pragma once

/// @file
/// VidCom2: the tokens of a video that are least usual, most of them from frames that stand out.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/frames.hpp"
#include "detail/highest_scoring.hpp"
#include "detail/usual_tokens.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the tokens of a video that are least usual, and more of frames that stand out.
///
/// Use it for video, in front of the language model, where scenes change and frames deserve
/// different numbers of tokens. It needs neither attention nor text, and its choice holds for any
/// question. For each video, x(f, p) the hidden state of frame f at place p:
///
///     channels:  the half of lowest variance over all tokens, rounded down, at least one; each
///                token is then scaled to unit length
///     K(x, c)  = sum over a in {1/8, 1/4, 1/2, 1, 2} of exp(-|x - c|^2 / (2 a))
///     usual(t) = K(x_t, mean of the video) + K(x_t, mean of the frame)
///     u(f)     = -mean over the frame of K(x, mean of the video);  p = softmax over f of u / 0.01
///     asks(f)  = round(places min(1, ratio (1 + p(f) - mean p))), half to even, 1 ... places
///
/// Each frame keeps its asks(f) least usual tokens. Then the total is made exact, over all frames
/// and videos of the context at once. If there are too many tokens, the most usual are dropped. If
/// there are too few, the least usual of the others come back. A frame can be left with none.
///
/// Variances are means over the tokens of squared differences from the mean, each summed in the
/// order of the tokens. Ties: among channels and among tokens the lower index is dropped first, and
/// comes back last. A token of length zero stays zero.
///
/// `ratio` is the fraction for which frames ask, and 0 stands for that of the count. The published
/// count is published_count, and that of the first code, which makes no total exact, is the sum of
/// frame_counts. Candidates that are not whole frames (see quota) ask as whole frames do.
///
/// The cost is three reads of the hidden states: for variances, means, and kernels. Memory: 5 d
/// numbers and a few for each token.
/// Source: Liu et al. 2025, VidCom2 (arXiv 2505.14454), and its published code
/// (xuyang-liu16/VidCom2); the exact count is that of vLLM (pull request 47750).
struct vidcom2 {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden | observable::grid;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }
  static constexpr bool examines_hidden = true;

  double ratio = 0;  ///< in [0, 1], the fraction for which frames ask; 0: that of the count

  std::string label() const { return ratio == 0 ? "vidcom2" : detail::sentence("vidcom2 ", ratio); }

  /// Returns the number of tokens of a video that the published code with exact counts keeps:
  /// max(frames, floor(tokens ratio)), in double precision.
  /// @throws value_error if the ratio is not in [0, 1]
  static std::size_t published_count(const grid& g, double ratio) {
    const detail::ieee_arithmetic as_usual;
    if (!detail::is_fraction(ratio))
      detail::raise<value_error>("vidcom2: the ratio lies in [0, 1], and is ", ratio);
    const double kept = static_cast<double>(g.tokens()) * ratio;
    return (std::max)(g.frames, static_cast<std::size_t>(kept));
  }

  /// The measure of how usual each token is, (tokens,): high for tokens that may go. Those of text are zero.
  struct usual {
    std::vector<double> in_video;  ///< K to the mean of the video
    std::vector<double> in_frame;  ///< K to the mean of the frame
  };
  /// The context must have been checked, as by token::select. `who` names the policy in errors.
  /// @throws value_error if a hidden state of a visual token is not finite
  static usual scores(const context& c, std::string_view who = "vidcom2") {
    usual all{std::vector<double>(c.tokens()), std::vector<double>(c.tokens())};
    for (const detail::clip& clip : detail::clips(c))
      detail::add_usual(who, c.hidden, clip, all.in_video, all.in_frame);
    return all;
  }

  /// Returns the number of tokens for which each frame asks, frame after frame of all images and
  /// videos, for a ratio above 0.
  /// @throws value_error if the ratio is not in (0, 1], the context does not show what is read, or a
  ///         hidden state of a visual token is not finite
  /// @throws shape_error if parts of the context are of different lengths
  std::vector<std::size_t> frame_counts(const context& c) const {
    const detail::ieee_arithmetic as_usual;
    check_ratio();
    if (ratio == 0) detail::raise<value_error>("vidcom2: frames ask for a ratio above 0");
    detail::check_context(label(), c, reads, only_visual);
    const usual known = scores(c, label());
    std::vector<std::size_t> counts;
    for (const detail::clip& clip : detail::clips(c))
      for (const std::size_t count : asks(clip, known.in_video, ratio)) counts.push_back(count);
    return counts;
  }

  /// Scores of a context, which do not depend on the number of tokens that stay.
  struct known {
    double ratio;
    std::vector<detail::clip> clips;
    std::vector<double> in_video;  ///< (tokens,)
    std::vector<double> unusual;   ///< (tokens,), minus both kernels

    std::vector<std::size_t> operator()(std::span<const std::size_t> candidates,
                                        std::size_t count) const {
      const double share =
          ratio != 0 ? ratio : static_cast<double>(count) / static_cast<double>(candidates.size());
      std::vector<char> is_candidate(unusual.size()), is_asked_for(unusual.size());
      for (const std::size_t t : candidates) is_candidate[t] = 1;
      for (const detail::clip& clip : clips) {
        const std::vector<std::size_t> counts = asks(clip, in_video, share);
        for (std::size_t f = 0; f < clip.grid.frames; ++f) {
          std::vector<std::size_t> open;
          for (const std::size_t t : clip.frame(f))
            if (is_candidate[t]) open.push_back(t);
          for (const std::size_t t : most_unusual(open, counts[f])) is_asked_for[t] = 1;
        }
      }
      std::vector<std::size_t> inside, outside;
      for (const std::size_t t : candidates) (is_asked_for[t] ? inside : outside).push_back(t);
      if (inside.size() > count) return most_unusual(inside, count);
      for (const std::size_t t : most_unusual(outside, count - inside.size())) inside.push_back(t);
      return inside;
    }

   private:
    std::vector<std::size_t> most_unusual(std::span<const std::size_t> tokens,
                                          std::size_t number) const {
      return detail::highest_scoring<double>(tokens, detail::of_tokens(unusual, tokens),
                                             (std::min)(number, tokens.size()));
    }
  };
  /// @throws value_error if the ratio is not in [0, 1], or a hidden state of a visual token is not
  ///         finite
  known prepare(const context& c) const {
    check_ratio();
    usual seen = scores(c, label());
    for (std::size_t t = 0; t < seen.in_frame.size(); ++t)
      seen.in_frame[t] = -(seen.in_video[t] + seen.in_frame[t]);
    return {ratio, detail::clips(c), std::move(seen.in_video), std::move(seen.in_frame)};
  }

  /// Returns the tokens that stay.
  /// @throws value_error if the ratio is not in [0, 1], or a hidden state of a visual token is not
  ///         finite
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return prepare(c)(candidates, count);
  }

  friend bool operator==(const vidcom2&, const vidcom2&) = default;

 private:
  void check_ratio() const {
    if (!detail::is_fraction(ratio))
      detail::raise<value_error>("vidcom2: the ratio lies in [0, 1], and is ", ratio);
  }

  // Returns the number of tokens for which each frame asks.
  static std::vector<std::size_t> asks(const detail::clip& clip, std::span<const double> in_video,
                                       double share) {
    const std::size_t frames = clip.grid.frames;
    const auto places = static_cast<double>(clip.tokens.size() / frames);
    std::vector<double> weight(frames);
    for (std::size_t f = 0; f < frames; ++f) {
      for (const std::size_t t : clip.frame(f)) weight[f] -= in_video[t];
      weight[f] /= places;
    }
    const double highest = *std::max_element(weight.begin(), weight.end());
    double sum = 0, mean = 0;
    for (double& w : weight) sum += w = std::exp((w - highest) / 0.01);
    for (double& w : weight) mean += w /= sum;
    mean /= static_cast<double>(frames);
    std::vector<std::size_t> counts;
    for (const double w : weight) {
      const double asked = std::nearbyint(places * (std::min)(1.0, share * (1 + (w - mean))));
      counts.push_back(static_cast<std::size_t>((std::clamp)(asked, 1.0, places)));
    }
    return counts;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
