#pragma once

/// @file
/// How many tokens leave where.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/block_shape.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// How many visual tokens leave in each layer: in layer l, once its attention is computed,
/// drops[l] of them, so that its output projection and feed-forward part no longer see them. Which
/// ones is a selector's affair. A value: printable, comparable, saved as JSON
/// (tamp/io/schedule.hpp).
struct schedule {
  std::vector<std::size_t> drops;  ///< (layers,)

  /// How many of `visual` tokens go on from layer l.
  std::size_t left(std::size_t visual, std::size_t layer) const {
    for (std::size_t l = 0; l <= layer && l < drops.size(); ++l)
      visual -= (std::min)(visual, drops[l]);
    return visual;
  }

  /// What all layers cost, with `text` tokens that stay beside the visual ones. With text = 0 it is
  /// the cost of the visual tokens among themselves, as FitPrune counts.
  /// @throws value_error if 64 bits cannot hold it
  std::uint64_t multiply_adds(const block_shape& shape, std::size_t visual,
                              std::size_t text = 0) const {
    std::uint64_t sum = 0;
    detail::checked_sum<value_error>("schedule", visual, text);
    for (const std::size_t drop : drops) {
      const std::size_t staying = visual - (std::min)(visual, drop);
      sum = shape.sum(sum, shape.block(visual + text, staying + text));
      visual = staying;
    }
    return sum;
  }

  /// The fraction of the multiply-adds that is left.
  double cost(const block_shape& shape, std::size_t visual, std::size_t text = 0) const {
    const std::uint64_t whole =
        schedule{std::vector<std::size_t>(drops.size())}.multiply_adds(shape, visual, text);
    return whole == 0 ? 1.0
                      : static_cast<double>(multiply_adds(shape, visual, text)) /
                            static_cast<double>(whole);
  }

  friend bool operator==(const schedule&, const schedule&) = default;
  friend std::ostream& operator<<(std::ostream& out, const schedule& s) {
    for (std::size_t l = 0; l < s.drops.size(); ++l) out << (l == 0 ? "" : " ") << s.drops[l];
    return out;
  }
};

/// All at once: `count` tokens leave in one layer, as FastV and the pruning of random tokens do it.
/// @throws shape_error if there is no such layer, or memory cannot hold so many
inline schedule drop_at(std::size_t layers, std::size_t layer, std::size_t count) {
  if (layer >= layers)
    detail::raise<shape_error>("drop_at: there is no layer ", layer, " among ", layers);
  schedule s{detail::checked_array<std::size_t>("drop_at", layers)};
  s.drops[layer] = count;
  return s;
}

/// Step by step: after each stage the fraction `ratio` of the visual tokens that are left goes on.
///
///     after stage k of S, floor(visual * ratio^k) tokens are left;    k = 1 ... S - 1
///
/// Stages are of equal length; stage k ends in front of layer floor(k * layers / S), and the tokens
/// leave in the layer before that one.
/// Source: Xing et al. 2024, PyramidDrop (arXiv 2410.17247): 4 stages, ratio 0.5; selects by the
/// attention of the last query, as token::attention_top_k does.
struct pyramid_drop {
  double ratio = 0.5;
  std::size_t stages = 4;

  /// @throws value_error if the ratio is no fraction, or there are no stages or fewer layers than
  ///         stages
  /// @throws shape_error if memory cannot hold so many layers
  schedule operator()(std::size_t layers, std::size_t visual) const {
    const detail::ieee_arithmetic as_usual;
    if (!detail::is_fraction(ratio))
      detail::raise<value_error>("pyramid_drop: the ratio lies in [0, 1], and is ", ratio);
    if (stages == 0 || stages > layers)
      detail::raise<value_error>("pyramid_drop: ", layers, " layers do not make ", stages,
                                 " stages");
    schedule s{detail::checked_array<std::size_t>("pyramid_drop", layers)};
    std::size_t left = visual;
    double share = 1;
    for (std::size_t k = 1; k < stages; ++k) {
      share *= ratio;
      // A double may round a huge count up, even to one that a count cannot be.
      const double wanted = static_cast<double>(visual) * share;
      const std::size_t stay =
          wanted < static_cast<double>(left) ? static_cast<std::size_t>(wanted) : left;
      s.drops[detail::checked_product("pyramid_drop", k, layers) / stages - 1] += left - stay;
      left = stay;
    }
    return s;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
