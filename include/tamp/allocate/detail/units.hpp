#pragma once

/// @file
/// Sizes and names of the units among which an allocation distributes a sparsity.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/number_range.hpp"
#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the total number of weights of all units.
/// @throws shape_error if the total exceeds a signed 64-bit integer
inline std::size_t total_params(std::string_view policy, std::span<const std::size_t> num_params) {
  std::size_t total = 0;
  for (const std::size_t n : num_params) total = checked_sum(policy, total, n);
  return checked_extent(policy, "weights", total);
}

/// Copies the number of weights of each unit; names_of copies the names.
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

/// A unit's name, or for example "unit 3" if there are no names.
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

/// Returns `drop`, or the number of all weights of `units` if that is less. The other units lose whole
/// weights, so that they may leave more to these than these have; a note says how many stay.
inline std::size_t at_most_all(std::string_view policy, std::size_t drop,
                               std::span<const std::size_t> num_params,
                               std::span<const std::size_t> units,
                               std::vector<std::string>& notes) {
  std::size_t all = 0;
  for (const std::size_t u : units) all += num_params[u];
  if (drop > all)
    notes.push_back(sentence(policy, ": ", drop - all, drop - all == 1 ? " weight" : " weights",
                             " fewer than asked for are dropped, since units that saw no token "
                             "lose whole weights"));
  return (std::min)(drop, all);
}

/// Checks one measured value for each unit.
/// @throws shape_error unless there is one value for each unit, and the weights can be counted
/// @throws value_error if a value is negative or not finite
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

/// The mean of one value for each unit, weighted by the unit's number of weights; 0 without
/// weights.
inline double mean_over_params(std::span<const double> values,
                               std::span<const std::size_t> num_params) noexcept {
  double sum = 0, size = 0;
  for (std::size_t u = 0; u < values.size(); ++u) {
    sum += static_cast<double>(num_params[u]) * values[u];
    size += static_cast<double>(num_params[u]);
  }
  return size == 0 ? 0.0 : sum / size;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
