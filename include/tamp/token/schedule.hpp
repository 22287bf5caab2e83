#pragma once

/// @file
/// Schedules: the number of visual tokens that leave in each layer.

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

/// The number of visual tokens that leave in each layer.
///
/// In layer l, drops[l] tokens leave after its attention is computed, so that its output projection
/// and feed-forward part no longer see them. A token policy decides which tokens leave. A value:
/// printable, comparable, saved as JSON (tamp/io/schedule.hpp).
struct schedule {
  std::vector<std::size_t> drops;  ///< (layers,)

  /// Returns the number of `visual` tokens that remain after layer l.
  std::size_t left(std::size_t visual, std::size_t layer) const {
    for (std::size_t l = 0; l <= layer && l < drops.size(); ++l)
      visual -= (std::min)(visual, drops[l]);
    return visual;
  }

  /// Returns the cost of all layers, with `text` tokens that stay in addition to the visual ones.
  /// With text = 0 it is the cost of the visual tokens alone, as FitPrune counts.
  /// @throws value_error if the count does not fit into 64 bits
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

  /// Returns the fraction of the multiply-adds that remains.
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

/// Returns the schedule in which `count` tokens leave in one layer, as in FastV and random pruning.
/// @throws shape_error if there is no such layer, or memory cannot hold the layers
inline schedule drop_at(std::size_t layers, std::size_t layer, std::size_t count) {
  if (layer >= layers)
    detail::raise<shape_error>("drop_at: there is no layer ", layer, " among ", layers);
  schedule s{detail::checked_array<std::size_t>("drop_at", layers)};
  s.drops[layer] = count;
  return s;
}

/// Makes a schedule in stages: after each stage the fraction `ratio` of the remaining visual tokens
/// goes on.
///
///     after stage k of S, floor(visual * ratio^k) tokens are left;    k = 1 ... S - 1
///
/// Stages are of equal length. Stage k ends in front of layer floor(k * layers / S), and the tokens
/// leave in the layer before that one.
/// Source: Xing et al. 2024, PyramidDrop (arXiv 2410.17247): 4 stages, ratio 0.5, selection by the
/// attention of the last query, as in token::attention_top_k.
struct pyramid_drop {
  double ratio = 0.5;
  std::size_t stages = 4;

  /// @throws value_error if the ratio is not in [0, 1], there are no stages, or there are fewer
  ///         layers than stages
  /// @throws shape_error if memory cannot hold the layers
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
      // As a double a huge count may round up, even beyond the largest count.
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
