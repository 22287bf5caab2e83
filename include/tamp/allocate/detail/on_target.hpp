#pragma once

/// @file
/// Sparsities in [0, 1] whose mean over all weights is the target.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../detail/drop_count.hpp"
#include "../../detail/number_range.hpp"
#include "../../error.hpp"
#include "../allocation.hpp"
#include "units.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the c for which the mean of clip(values + c, 0, 1) over all weights is the target.
///
/// The mean is a piecewise linear, nondecreasing function of c, with a joint wherever a unit enters
/// or leaves [0, 1]. The piece is found by comparison and c solved for within it, so that c depends
/// on nothing but the order of the units.
inline double shift_to_target(std::span<const double> values,
                              std::span<const std::size_t> num_params, double target) {
  std::vector<double> joints;
  joints.reserve(2 * values.size());
  for (const double value : values) joints.insert(joints.end(), {-value, 1 - value});
  std::sort(joints.begin(), joints.end());
  double wanted = 0;
  for (const std::size_t n : num_params) wanted += static_cast<double>(n) * target;
  const auto upper = std::partition_point(joints.begin(), joints.end(), [&](double c) {
    double dropped = 0;
    for (std::size_t u = 0; u < values.size(); ++u)
      dropped += static_cast<double>(num_params[u]) * std::clamp(values[u] + c, 0.0, 1.0);
    return dropped < wanted;
  });
  if (upper == joints.begin()) return joints.front();
  if (upper == joints.end()) return joints.back();
  const double from = *(upper - 1), to = *upper;
  double rest = wanted, free = 0;
  for (std::size_t u = 0; u < values.size(); ++u) {
    const double n = static_cast<double>(num_params[u]);
    if (1 - values[u] <= from) {
      rest -= n;
    } else if (-values[u] <= from) {
      rest -= n * values[u];
      free += n;
    }
  }
  return free == 0 ? to : std::clamp(rest / free, from, to);
}

/// Shifts all values by the same amount and clips them to [0, 1], so that their mean over all
/// weights is the target. The difference that clipping makes is shared by the other units. Values
/// that already meet both conditions are returned unchanged. A note lists the clipped units.
/// @throws value_error if the target is not in [0, 1]
inline allocate::allocation on_target(std::string_view policy, std::span<const double> values,
                                      std::span<const std::size_t> num_params, double target,
                                      std::span<const std::string> names = {}) {
  check_sparsity(target);
  allocate::allocation answer;
  answer.sparsities.assign(values.begin(), values.end());
  const bool has_params =
      std::any_of(num_params.begin(), num_params.end(), [](std::size_t n) { return n != 0; });
  // Without weights there is no mean. The targets 0 and 1 have a single solution.
  if (!has_params || target == 0 || target == 1) {
    std::fill(answer.sparsities.begin(), answer.sparsities.end(), target);
    return answer;
  }
  const double rounding =
      4 * std::numeric_limits<double>::epsilon() * static_cast<double>(values.size());
  const bool in_range = std::all_of(values.begin(), values.end(), is_fraction<double>);
  if (in_range && std::abs(mean_over_params(values, num_params) - target) <= rounding)
    return answer;
  const double shift = shift_to_target(values, num_params, target);
  std::vector<std::size_t> at_zero, at_one;
  for (std::size_t u = 0; u < values.size(); ++u) {
    const double shifted = values[u] + shift;
    answer.sparsities[u] = std::clamp(shifted, 0.0, 1.0);
    if (shifted < -rounding) at_zero.push_back(u);
    if (shifted > 1 + rounding) at_one.push_back(u);
  }
  const auto note = [&](std::span<const std::size_t> clipped, int bound) {
    if (!clipped.empty())
      answer.notes.push_back(sentence(policy, ": clamped to the sparsity ", bound, ": ",
                                      listed(clipped, names),
                                      "; the other units share the difference"));
  };
  note(at_zero, 0);
  note(at_one, 1);
  return answer;
}

/// Returns the same sparsity for all units, with a note on the reason.
inline allocate::allocation uniform_because(std::string why, std::size_t units, double target) {
  check_sparsity(target);
  allocate::allocation answer{std::vector<double>(units, target), {}};
  if (units > 1) answer.notes.push_back(std::move(why));
  return answer;
}

/// Scales one value for each unit linearly onto an interval of densities of the given width. The
/// position of the interval puts the mean sparsity on target. The unit with the largest value keeps
/// the most. Equal values give every unit the target.
inline allocate::allocation spread_density(std::string_view policy, std::string_view what,
                                           std::span<const double> values,
                                           std::span<const std::size_t> num_params, double width,
                                           double target, std::span<const std::string> names) {
  check_unit_values(policy, what, values, num_params, names);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (values.empty() || *least == *most)
    return uniform_because(
        sentence(policy, ": the ", what,
                 " is the same everywhere, so that all units get the sparsity ", target),
        values.size(), target);
  std::vector<double> sparsities(values.size());
  for (std::size_t u = 0; u < values.size(); ++u)
    sparsities[u] = (values[u] - *least) / (*most - *least) * width;
  const double middle = mean_over_params(sparsities, num_params);
  for (double& s : sparsities) s = target - (s - middle);
  return on_target(policy, sparsities, num_params, target, names);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
