#pragma once

/// @file
/// What the allocations have in common: sparsities in [0, 1] whose mean is the target.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "allocation.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The number of weights of all units together.
/// @throws shape_error if they are more than a signed number of 64 bits can count
inline std::size_t total_params(std::string_view policy, std::span<const std::size_t> num_params) {
  std::size_t total = 0;
  for (const std::size_t n : num_params) total = checked_sum(policy, total, n);
  return checked_extent(policy, "weights", total);
}

/// How many weights each unit has, and what it is called.
template <class Units>
std::vector<std::size_t> num_params_of(const Units& units) {
  std::vector<std::size_t> all(units.size());
  for (std::size_t u = 0; u < all.size(); ++u) all[u] = units.num_params(u);
  return all;
}
template <class Units>
std::vector<std::string> names_of(const Units& units) {
  std::vector<std::string> all(units.size());
  for (std::size_t u = 0; u < all.size(); ++u) all[u] = std::string(units.name(u));
  return all;
}

/// A unit's name, or "unit 3" where there are no names.
inline std::string unit_name(std::span<const std::string> names, std::size_t unit) {
  return unit < names.size() ? names[unit] : sentence("unit ", unit);
}

/// The names of some units, for a note: "block 0, block 3 and 5 more".
inline std::string listed(std::span<const std::size_t> units, std::span<const std::string> names) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t k = 0; k < (std::min)(most, units.size()); ++k)
    text += (k == 0 ? "" : ", ") + unit_name(names, units[k]);
  return units.size() <= most ? text : sentence(text, " and ", units.size() - most, " more");
}

/// @throws shape_error unless there is one value for each unit, and as many weights as can be
/// counted
/// @throws value_error if a value is not finite or is negative
inline void check_unit_values(std::string_view policy, std::string_view what,
                              std::span<const double> values,
                              std::span<const std::size_t> num_params,
                              std::span<const std::string> names) {
  if (values.size() != num_params.size())
    raise<shape_error>(policy, ": ", values.size(), " values of the ", what, " for ",
                       num_params.size(), " units");
  check_list(policy, "values", values);
  check_list(policy, "numbers of weights", num_params);
  total_params(policy, num_params);
  for (std::size_t u = 0; u < values.size(); ++u)
    if (!is_nonnegative(values[u]))
      raise<value_error>(policy, ": the ", what, " of ", unit_name(names, u), " is ", values[u]);
}

/// Mean of one value a unit, each counted as often as the unit has weights; 0 without weights.
inline double mean_over_params(std::span<const double> values,
                               std::span<const std::size_t> num_params) noexcept {
  double sum = 0, size = 0;
  for (std::size_t u = 0; u < values.size(); ++u) {
    sum += static_cast<double>(num_params[u]) * values[u];
    size += static_cast<double>(num_params[u]);
  }
  return size == 0 ? 0.0 : sum / size;
}

/// The c for which the mean of clip(values + c, 0, 1) over all weights is the target.
///
/// That mean rises with c in straight pieces, which join where a unit enters or leaves [0, 1]. The
/// piece is found by comparison and c solved for in it, so that c depends on nothing but the order
/// of the units.
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
/// weights is the target: what one unit cannot take, the others share. Values that need neither
/// come out as they are. A note says which units were clipped.
/// @throws value_error if the target is not in [0, 1]
inline allocate::allocation on_target(std::string_view policy, std::span<const double> values,
                                      std::span<const std::size_t> num_params, double target,
                                      std::span<const std::string> names = {}) {
  check_sparsity(target);
  allocate::allocation answer;
  answer.sparsities.assign(values.begin(), values.end());
  const bool has_params =
      std::any_of(num_params.begin(), num_params.end(), [](std::size_t n) { return n != 0; });
  // Without weights there is no mean; all or nothing is reached in one way.
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

/// The same sparsity for all, and why.
inline allocate::allocation uniform_because(std::string why, std::size_t units, double target) {
  check_sparsity(target);
  allocate::allocation answer{std::vector<double>(units, target), {}};
  if (units > 1) answer.notes.push_back(std::move(why));
  return answer;
}

/// Scales one value a unit linearly onto an interval of density of the given width, which is put
/// where the mean sparsity is on target: the unit with the largest value keeps most. Equal values
/// give every unit the target.
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

/// Mean over a unit's layers, counted by weights, of what `of_seen` reads from their statistics.
/// Layers that saw no token are left out, with a note; false if all are.
template <class Units, class OfSeen>
bool mean_over_layers(std::string_view policy, std::string_view what, const Units& units,
                      std::size_t unit, const OfSeen& of_seen, double& mean,
                      std::vector<std::string>& notes) {
  std::vector<double> values;
  std::vector<std::size_t> sizes;
  std::vector<std::string> unseen;
  units.visit(unit, [&](std::string_view layer, const auto& weight, const auto& seen) {
    if (seen.tokens() == 0) {
      unseen.emplace_back(layer);
      return;
    }
    values.push_back(of_seen(seen));
    sizes.push_back(static_cast<std::size_t>(weight.rows()) *
                    static_cast<std::size_t>(weight.cols()));
  });
  if (values.empty()) return false;
  for (const std::string& layer : unseen)
    notes.push_back(sentence(policy, ": ", layer, " saw no token, and has no part in the ", what,
                             " of ", units.name(unit)));
  const bool all_equal =
      std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  mean = all_equal ? values[0] : mean_over_params(values, sizes);
  return true;
}

/// @throws value_error if nothing could be measured of any unit: there is nothing to compare
inline void check_seen_at_all(std::string_view policy, std::string_view what,
                              const std::vector<bool>& known,
                              std::span<const std::size_t> num_params) {
  const auto is_some = [](std::size_t n) { return n != 0; };
  if (std::any_of(num_params.begin(), num_params.end(), is_some) &&
      std::find(known.begin(), known.end(), true) == known.end())
    raise<value_error>(policy, ": no ", what, " could be measured of any of ", known.size(),
                       known.size() == 1 ? " unit" : " units",
                       ", because no calibration token came to their layers");
}

/// Gives the units of which nothing is known the mean of the others, with a note, or 0 if nothing
/// is known of any.
inline void fill_unknown(std::string_view policy, std::string_view what,
                         std::vector<double>& values, const std::vector<bool>& known,
                         std::span<const std::string> names, std::vector<std::string>& notes) {
  double sum = 0;
  std::vector<std::size_t> unknown;
  for (std::size_t u = 0; u < values.size(); ++u)
    if (known[u])
      sum += values[u];
    else
      unknown.push_back(u);
  if (unknown.empty()) return;
  const std::size_t others = values.size() - unknown.size();
  const double mean = others == 0 ? 0.0 : sum / static_cast<double>(others);
  for (const std::size_t u : unknown) values[u] = mean;
  notes.push_back(sentence(policy, ": no ", what, " could be measured for ", listed(unknown, names),
                           others == 0 ? "" : "; the mean of the other units stands in"));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
