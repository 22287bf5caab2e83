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
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/block_shape.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The place at which the tokens of layer l leave, and the attention that chooses them.
///
/// The place decides what counts: a FastV layer K - 1 counts whole, while the same drops after the
/// attention of layer K - 1 save its output projection and feed-forward part, too.
enum class departure : std::uint8_t {
  /// Layer l's attention chooses. The tokens leave before its output projection and feed-forward
  /// part, as in FitPrune.
  after_attention,
  /// Layer l's attention chooses. The tokens leave behind the whole layer, as in FastV.
  after_layer,
  /// Layer l's own queries and keys choose among the tokens that enter, and layer l is computed
  /// without those that leave, as in PyramidDrop.
  before_layer
};

/// Returns the name of a place, as in "before_layer".
constexpr std::string_view name_of(departure place) noexcept {
  switch (place) {
    case departure::after_layer:
      return "after_layer";
    case departure::before_layer:
      return "before_layer";
    default:
      return "after_attention";
  }
}

inline std::ostream& operator<<(std::ostream& out, departure place) {
  return out << name_of(place);
}

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a number that is no place, which a cast can make.
inline void check_departure(const char* who, token::departure place) {
  if (place > token::departure::before_layer)
    raise<value_error>(who, ": tokens cannot leave at a place of number ", static_cast<int>(place));
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// The number of visual tokens that leave in each layer.
///
/// In layer l, drops[l] tokens leave at the place `leave`. A token policy decides which tokens
/// leave. A value: printable, comparable, saved as JSON (tamp/io/schedule.hpp).
///
/// The multiply-adds of a layer that n tokens enter and m leave:
///
///     after_attention   projections(n) + attention(n) + output(m) + feed_forward(m)
///     after_layer       projections(n) + attention(n) + output(n) + feed_forward(n)
///     before_layer      projections(m) + attention(m) + output(m) + feed_forward(m)
///
/// Papers count FastV as after_layer and PyramidDrop as before_layer. They do not count what rates
/// the tokens in front of a layer: `rating` does.
struct schedule {
  std::vector<std::size_t> drops;  ///< (layers,)
  departure leave = departure::after_attention;

  /// Returns the number of `visual` tokens that remain after layer l.
  std::size_t left(std::size_t visual, std::size_t layer) const {
    for (std::size_t l = 0; l <= layer && l < drops.size(); ++l)
      visual -= (std::min)(visual, drops[l]);
    return visual;
  }

  /// Returns the cost of all layers, with `text` tokens that stay in addition to the visual ones.
  /// With text = 0 it is the cost of the visual tokens alone, as FitPrune counts.
  /// @throws value_error if the count does not fit into 64 bits, or there is no such place
  std::uint64_t multiply_adds(const block_shape& shape, std::size_t visual,
                              std::size_t text = 0) const {
    std::uint64_t sum = 0;
    detail::check_departure("schedule", leave);
    detail::checked_sum<value_error>("schedule", visual, text);
    for (const std::size_t drop : drops) {
      const std::size_t staying = visual - (std::min)(visual, drop);
      const std::size_t attending = leave == departure::before_layer ? staying : visual;
      const std::size_t fed = leave == departure::after_layer ? visual : staying;
      sum = shape.sum(sum, shape.block(attending + text, fed + text));
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

  /// Returns the cost of rating the tokens in front of the layers in which some leave: the keys of
  /// all tokens that enter, the query of the last one, and their products. `multiply_adds` does not
  /// include it. It is 0 unless tokens leave before a layer. An engine that uses these keys again
  /// for the tokens that stay spends less.
  /// @throws value_error if the count does not fit into 64 bits, or there is no such place
  std::uint64_t rating(const block_shape& shape, std::size_t visual, std::size_t text = 0) const {
    std::uint64_t sum = 0;
    detail::check_departure("schedule", leave);
    detail::checked_sum<value_error>("schedule", visual, text);
    for (const std::size_t drop : drops) {
      const std::size_t gone = (std::min)(visual, drop), entering = visual + text;
      if (gone != 0 && leave == departure::before_layer) {
        sum = shape.sum(sum, shape.product(shape.product(entering, shape.hidden), shape.keys));
        sum = shape.sum(sum, shape.product(shape.hidden, shape.queries));
        sum = shape.sum(sum, shape.product(entering, shape.queries));
      }
      visual -= gone;
    }
    return sum;
  }

  friend bool operator==(const schedule&, const schedule&) = default;
  /// Prints the numbers, and the place unless it is after_attention.
  friend std::ostream& operator<<(std::ostream& out, const schedule& s) {
    for (std::size_t l = 0; l < s.drops.size(); ++l) out << (l == 0 ? "" : " ") << s.drops[l];
    if (s.leave != departure::after_attention) out << (s.drops.empty() ? "" : " ") << s.leave;
    return out;
  }
};

/// Returns the schedule in which `count` tokens leave in one layer, as in FastV and random pruning.
/// FastV's "in front of layer K" is drop_at(layers, K - 1, count, departure::after_layer).
/// @throws shape_error if there is no such layer, or memory cannot hold the layers
inline schedule drop_at(std::size_t layers, std::size_t layer, std::size_t count,
                        departure leave = departure::after_attention) {
  if (layer >= layers)
    detail::raise<shape_error>("drop_at: there is no layer ", layer, " among ", layers);
  schedule s{detail::checked_array<std::size_t>("drop_at", layers), leave};
  s.drops[layer] = count;
  return s;
}

/// Makes a schedule in stages: in front of each layer of a list, all but a fraction of the visual
/// tokens leave.
///
///     in front of layer layers[k] all but floor(visual * ratios[k]) tokens leave
///
/// Fractions are of the tokens of the whole sequence, and never grow. The product is one of two
/// doubles, as in the published code: 100 tokens at 0.49 are 49, and at 0.29 they are 28.
///
/// Without lists there are `stages` equal stages, and their lists are
///
///     layers[k - 1] = floor(k * layers / stages),  ratios[k - 1] = ratio^k;    k = 1 ... stages - 1
///
/// A power that a number of at most 12 decimals equals up to rounding is that number. So 0.7^2 is
/// 0.49, as it stands in a published list, and not 0.48999999999999994.
///
/// Tokens leave before their layer, as published. With another departure they leave in the layer
/// before that one, by its attention.
///
/// Source: Xing et al. 2024, PyramidDrop (arXiv 2410.17247): layers 8, 16 and 24 of 32, ratios 0.5,
/// 0.25 and 0.125, which is 4 stages of ratio 0.5; selection by the attention of the last query, as
/// in token::attention_top_k; tokens are renumbered (token::renumber). Code: Cooperx521/PyramidDrop
/// at 6444f304aee4, llava/model/modeling_llama_pdrop.py.
struct pyramid_drop {
  double ratio = 0.5;
  std::size_t stages = 4;
  std::vector<std::size_t> layers = {};  ///< layers in front of which tokens leave, ascending
  std::vector<double> ratios = {};       ///< (layers,), fractions of the tokens that then go on
  departure leave = departure::before_layer;

  /// @throws value_error if a ratio is not in [0, 1], ratios grow or are of another number than the
  ///         layers, layers do not ascend or lie outside of [1, model_layers), there are no stages,
  ///         or there are fewer layers than stages
  /// @throws shape_error if memory cannot hold the layers
  schedule operator()(std::size_t model_layers, std::size_t visual) const {
    const detail::ieee_arithmetic as_usual;
    const bool listed = !layers.empty() || !ratios.empty();
    listed ? check_lists(model_layers) : check_stages(model_layers);
    schedule s{detail::checked_array<std::size_t>("pyramid_drop", model_layers), leave};
    std::size_t left = visual;
    double power = 1;
    for (std::size_t k = 0; k + 1 < (listed ? layers.size() + 1 : stages); ++k) {
      if (!listed) power *= ratio;
      const double share = listed ? ratios[k] : as_decimal(power);
      const std::size_t layer =
          listed ? layers[k]
                 : detail::checked_product("pyramid_drop", k + 1, model_layers) / stages;
      // As a double a huge count may round up, even beyond the largest count.
      const double wanted = static_cast<double>(visual) * share;
      const std::size_t stay =
          wanted < static_cast<double>(left) ? static_cast<std::size_t>(wanted) : left;
      s.drops[leave == departure::before_layer ? layer : layer - 1] += left - stay;
      left = stay;
    }
    return s;
  }

 private:
  static void check_ratio(double value) {
    if (!detail::is_fraction(value))
      detail::raise<value_error>("pyramid_drop: the ratio lies in [0, 1], and is ", value);
  }
  void check_stages(std::size_t model_layers) const {
    check_ratio(ratio);
    if (stages == 0 || stages > model_layers)
      detail::raise<value_error>("pyramid_drop: ", model_layers, " layers do not make ", stages,
                                 " stages");
  }
  void check_lists(std::size_t model_layers) const {
    if (layers.size() != ratios.size())
      detail::raise<value_error>("pyramid_drop: ", ratios.size(), " ratios for ", layers.size(),
                                 " layers");
    for (std::size_t k = 0; k < layers.size(); ++k) {
      check_ratio(ratios[k]);
      if (layers[k] == 0 || layers[k] >= model_layers)
        detail::raise<value_error>(
            "pyramid_drop: tokens leave in front of layer 1 or a later one"
            " of ",
            model_layers, ", not of layer ", layers[k]);
      if (k == 0) continue;
      if (layers[k] <= layers[k - 1])
        detail::raise<value_error>("pyramid_drop: layers ascend, and layer ", layers[k],
                                   " follows layer ", layers[k - 1]);
      if (ratios[k] > ratios[k - 1])
        detail::raise<value_error>("pyramid_drop: the ratio ", ratios[k], " of layer ", layers[k],
                                   " is larger than the one before, ", ratios[k - 1]);
    }
  }

  /// Returns the number of at most 12 decimals that `power` equals up to rounding, or `power`.
  static double as_decimal(double power) {
    const double decimal = std::floor(power * 1e12 + 0.5) / 1e12;
    return std::fabs(decimal - power) <= 1e-14 * power ? decimal : power;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
