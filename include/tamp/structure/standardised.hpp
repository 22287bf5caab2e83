#pragma once

/// @file
/// FLAP's scores of units, comparable across groups.

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "detail/pairwise_sum.hpp"
#include "lowest_units.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// The way in which the scores of channels make the score of a unit.
struct standard_options {
  std::size_t width = 1;  ///< consecutive channels of a unit: a head's
  bool squared = false;   ///< square the channels' scores first, as FLAP does for heads
};

/// Returns one score for each unit, comparable with those of other groups.
///
///     x(j)  = score of channel j, squared if asked for
///     z(j)  = (x(j) - mean) / s,   s^2 = sum (x(j) - mean)^2 / (n - 1)
///     score = mean of z over the channels of the unit
///
/// Mean and s are over the channels of the group. All equal: 0. One channel: 0. Sums are those of
/// NumPy, to the bit.
///
/// Source: An et al. 2024, FLAP (arXiv 2312.11983). That heads are squared is its code's.
/// @throws value_error if a score, or its square, is not finite, or the squares of the deviations
///         cannot be summed
/// @throws shape_error if the channels do not divide into units
inline std::vector<double> standardised(std::span<const double> channels,
                                        const standard_options& options = {}) {
  const tamp::detail::ieee_arithmetic as_usual;
  using tamp::detail::pairwise_sum;
  using tamp::detail::rounded;
  constexpr std::string_view who = "standardised";
  tamp::detail::check_scores(who, channels);
  const std::size_t n = channels.size();
  if (options.width == 0 || n % options.width != 0)
    tamp::detail::raise<shape_error>(who, ": ", n, " channels do not divide into units of ",
                                     options.width);
  std::vector<double> x(channels.begin(), channels.end());
  if (options.squared)
    for (double& value : x) value = rounded(value * value);
  tamp::detail::check_scores(who, x);
  bool all_equal = true;
  for (const double value : x) all_equal = all_equal && value == x.front();
  std::vector<double> units(n / options.width, 0.0);
  if (all_equal) return units;
  const double count = static_cast<double>(n);
  const double mean = pairwise_sum(x) / count;
  std::vector<double> squares(n);
  for (std::size_t j = 0; j < n; ++j) {
    x[j] = rounded(x[j] - mean);
    squares[j] = rounded(x[j] * x[j]);
  }
  const double deviation = std::sqrt(rounded(pairwise_sum(squares) / (count - 1)));
  if (!is_finite(deviation))
    tamp::detail::raise<value_error>(who, ": the scores are too far apart to be standardised");
  if (deviation == 0) return units;
  for (double& value : x) value = rounded(value / deviation);
  if (options.width == 1) return x;
  for (std::size_t u = 0; u < units.size(); ++u)
    units[u] = pairwise_sum(std::span(x).subspan(u * options.width, options.width)) /
               static_cast<double>(options.width);
  return units;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
