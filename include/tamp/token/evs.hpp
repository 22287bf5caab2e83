#pragma once

/// @file
/// EVS: the tokens of a video that changed most since the frame before.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../detail/special_numbers.hpp"
#include "../detail/square_root.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/attention_rows.hpp"
#include "detail/checked_context.hpp"
#include "detail/earlier_rows.hpp"
#include "detail/frames.hpp"
#include "detail/highest_scoring.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the tokens of a video that changed most since the frame before: efficient video sampling.
///
/// Use it for video, in front of the language model. It needs neither attention nor text, reads the
/// tokens once, and its choice holds for any question. A still scene keeps its first frame.
///
///     change(f, p) = 1 - cos(hidden(f, p), hidden(f - 1, p))    frame f, place p of a frame
///     change(0, p) = infinity
///     the `count` tokens of the largest change stay, of all frames and videos together
///
/// The cosine is x y / sqrt(x x y y), with sums in double. It is exactly 1 for a token that did not
/// change, so that a still scene keeps its earliest tokens. The cosine of a token of length zero is
/// 0. Ties: the lower index is kept, as published, unlike in other policies. An image is the first
/// frame of its own grid. It stays before all tokens that only changed.
///
/// The published code has cosines of floats (vLLM) or of 16-bit numbers. They differ from 1 by
/// rounding for equal tokens, and decide by it which tokens of a still scene stay. The published
/// count is at least one frame: see published_count. The host chooses the fraction, and numbers
/// positions: they stay what they were, as published.
///
/// The cost is two sums of products for each number, which are made in one read. Memory: tokens
/// numbers, and two rows of a few places for hidden states that are not read in place.
/// Source: NVIDIA's efficient video sampling (arXiv 2510.14624); vLLM, multimodal/evs.py, and
/// TensorRT-LLM, inputs/evs.py.
struct evs {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden | observable::grid;
  static constexpr tokens_read read_tokens(const context&) noexcept { return only_visual; }
  static constexpr bool examines_hidden = true;

  std::string label() const { return "evs"; }

  /// Returns the number of tokens of a video that the published code keeps: max(places of a frame,
  /// floor(tokens (1 - pruned))), in double precision. 1 - 0.9 is less than 0.1, so 99 of 1000
  /// tokens stay at 0.9.
  /// @throws value_error if `pruned` is not in [0, 1]
  static std::size_t published_count(const grid& g, double pruned) {
    const detail::ieee_arithmetic as_usual;
    if (!detail::is_fraction(pruned))
      detail::raise<value_error>("evs: the fraction pruned lies in [0, 1], and is ", pruned);
    const double kept = static_cast<double>(g.tokens()) * (1 - pruned);
    return (std::max)(g.places(), static_cast<std::size_t>(kept));
  }

  /// Returns the change of each token, (tokens,). That of text is zero. The context must have been
  /// checked, as by token::select.
  /// @throws value_error if a hidden state of a visual token is not finite
  static std::vector<double> changes(const context& c) {
    std::vector<double> change(c.tokens());
    for (const detail::clip& clip : detail::clips(c)) add_changes(c, clip, change);
    return change;
  }

  /// Changes of a context, which do not depend on the number of tokens that stay.
  struct known {
    std::vector<double> change;

    std::vector<std::size_t> operator()(std::span<const std::size_t> candidates,
                                        std::size_t count) const {
      // Of equals, highest_scoring drops those that come first: here the higher indices.
      const std::vector<std::size_t> from_the_last(candidates.rbegin(), candidates.rend());
      std::vector<std::size_t> stay = detail::highest_scoring<double>(
          from_the_last, detail::of_tokens(change, from_the_last), count);
      std::reverse(stay.begin(), stay.end());
      return stay;
    }
  };
  /// @throws value_error if a hidden state of a visual token is not finite
  known prepare(const context& c) const { return {changes(c)}; }

  /// Returns the tokens that stay.
  /// @throws value_error if a hidden state of a visual token is not finite
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return prepare(c)(candidates, count);
  }

  friend bool operator==(const evs&, const evs&) = default;

 private:
  // Some places of all frames after another, so that a row of the frame before is still in the cache.
  static void add_changes(const context& c, const detail::clip& clip, std::vector<double>& change) {
    constexpr std::size_t held = 1u << 18;  // bytes of the rows of one frame
    const std::size_t places = clip.tokens.size() / clip.grid.frames, cols = c.hidden.cols();
    const std::size_t together =
        (std::min)(places, (std::max)(std::size_t{1}, held / sizeof(float) / (cols + 1)));
    detail::earlier_rows rows(c.hidden, together);
    std::vector<double> squares(together);
    for (std::size_t begin = 0; begin < places; begin += together)
      for (std::size_t f = 0; f < clip.grid.frames; ++f)
        for (std::size_t p = begin; p < (std::min)(begin + together, places); ++p) {
          const std::size_t t = clip.frame(f)[p], slot = p - begin;
          const float* const before = rows.before(slot);
          const float* const now = rows.next(slot, t);
          const auto [own, both] = detail::with_similar_rows([&](auto similar) {
            return similar.own_and_common(now, f == 0 ? now : before, cols);
          });
          if (!is_finite(own))
            detail::check_finite("evs", "hidden state", c.hidden,
                                 [&](std::size_t token) { return token == t; });
          const double lengths = detail::square_root(own * squares[slot]);
          change[t] = f == 0            ? detail::infinity<double>
                      : lengths == 0    ? 1.0
                      : both == lengths ? 0.0
                                        : 1 - both / lengths;
          squares[slot] = own;
        }
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
