#pragma once

/// @file
/// Schedules in fractions of a sequence's visual tokens.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/block_shape.hpp"
#include "schedule.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The rounding of fractions of tokens to whole tokens.
enum class rounding : std::uint8_t {
  down,  ///< the number of each layer is rounded down, as FitPrune's code does
  up     ///< after each layer, at least the fractions so far have left
};

/// Returns the name of a rounding, as in "up".
constexpr std::string_view name_of(rounding r) noexcept {
  return r == rounding::up ? "up" : "down";
}

inline std::ostream& operator<<(std::ostream& out, rounding r) { return out << name_of(r); }

}  // namespace tamp::inline TAMP_FLAGS::token

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a number that is no rounding, which a cast can make.
inline void check_rounding(token::rounding r) {
  if (r > token::rounding::up)
    raise<value_error>("relative_schedule: there is no rounding of number ", static_cast<int>(r));
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::token {

/// The fraction of a sequence's visual tokens that leaves in each layer.
///
/// Use it for models whose images have different numbers of tokens. The same counts would take all
/// tokens of a small image and few of a large one.
///
///     down   drops(l) = floor(visual * f(l))
///     up     drops(0) + ... + drops(l) = ceil(visual * (f(0) + ... + f(l)))
///
/// A product that is within 1e-9 of a whole number is that number. Rounded down, a schedule of L
/// layers keeps up to L tokens more than its fractions say. Rounded up, it never keeps more.
/// No more tokens leave than there are. A value: printable, comparable, saved as JSON
/// (tamp/io/relative_schedule.hpp).
struct relative_schedule {
  std::vector<double> drops;  ///< f, (layers,): fractions of all visual tokens of the sequence
  departure leave = departure::after_attention;
  token::rounding rounding = token::rounding::down;

  /// Returns the schedule of a sequence of `visual` visual tokens.
  /// @throws value_error if a fraction is not in [0, 1], they are more than 1 together, or there is
  ///         no such place or rounding
  schedule for_tokens(std::size_t visual) const {
    const detail::ieee_arithmetic as_usual;
    detail::check_departure("relative_schedule", leave);
    detail::check_rounding(rounding);
    const auto all = static_cast<double>(visual);
    schedule s{{}, leave};
    std::size_t left = visual;
    double sum = 0;
    for (std::size_t l = 0; l < drops.size(); ++l) {
      if (!detail::is_fraction(drops[l]))
        detail::raise<value_error>("relative_schedule: the fraction of layer ", l,
                                   " lies in [0, 1], and is ", drops[l]);
      sum += drops[l];
      if (sum > 1 + 1e-9)
        detail::raise<value_error>("relative_schedule: up to layer ", l, " the fraction ", sum,
                                   " of the tokens leaves");
      const double wanted =
          near_whole(rounding == token::rounding::up ? all * (std::min)(sum, 1.0) : all * drops[l]);
      // As a double a huge count may round up, even beyond the largest count.
      const auto count = [&](double number) {
        return number < all ? static_cast<std::size_t>(number) : visual;
      };
      std::size_t gone = rounding == token::rounding::up ? count(std::ceil(wanted)) : count(wanted);
      if (rounding == token::rounding::up) gone -= (std::min)(gone, visual - left);
      gone = (std::min)(gone, left);
      s.drops.push_back(gone);
      left -= gone;
    }
    return s;
  }

  /// Returns the number of `visual` tokens that remain after layer l.
  std::size_t left(std::size_t visual, std::size_t layer) const {
    return for_tokens(visual).left(visual, layer);
  }
  /// Returns the cost of all layers, as schedule::multiply_adds counts it.
  std::uint64_t multiply_adds(const block_shape& shape, std::size_t visual,
                              std::size_t text = 0) const {
    return for_tokens(visual).multiply_adds(shape, visual, text);
  }
  /// Returns the fraction of the multiply-adds that remains.
  double cost(const block_shape& shape, std::size_t visual, std::size_t text = 0) const {
    return for_tokens(visual).cost(shape, visual, text);
  }

  friend bool operator==(const relative_schedule&, const relative_schedule&) = default;
  /// Prints the fractions, the rounding, and the place unless it is after_attention.
  friend std::ostream& operator<<(std::ostream& out, const relative_schedule& s) {
    for (const double fraction : s.drops) out << fraction << ' ';
    out << "rounded " << s.rounding;
    if (s.leave != departure::after_attention) out << ' ' << s.leave;
    return out;
  }

 private:
  static double near_whole(double number) {
    const double whole = std::floor(number + 0.5);
    return std::fabs(number - whole) <= 1e-9 ? whole : number;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
