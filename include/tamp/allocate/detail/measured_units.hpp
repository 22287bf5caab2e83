#pragma once

/// @file
/// Allocations from one measured value for each unit.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "../allocation.hpp"
#include "units.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Computes the mean of `of_seen(statistics)` over a unit's layers, weighted by their numbers of
/// weights. Layers that saw no token are left out, with a note. Returns false if all are left out.
template <class Units, class OfSeen>
bool mean_over_layers(std::string_view policy, std::string_view what, const Units& units,
                      std::size_t unit, const OfSeen& of_seen, double& mean,
                      std::vector<std::string>& notes) {
  std::vector<double> values;
  std::vector<std::size_t> sizes;
  std::vector<std::string> without_tokens;
  units.visit(unit, [&](std::string_view layer, const auto& weight, const auto& seen) {
    if (seen.tokens() == 0) {
      without_tokens.emplace_back(layer);
      return;
    }
    values.push_back(of_seen(seen));
    sizes.push_back(static_cast<std::size_t>(weight.rows()) *
                    static_cast<std::size_t>(weight.cols()));
  });
  if (values.empty()) return false;
  for (const std::string& layer : without_tokens)
    notes.push_back(sentence(policy, ": ", layer, " saw no token, and has no part in the ", what,
                             " of ", units.name(unit)));
  const bool all_equal =
      std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  mean = all_equal ? values[0] : mean_over_params(values, sizes);
  return true;
}

/// Refuses units of which none could be measured, since nothing could be compared.
/// @throws value_error if there are weights and no unit is known
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

/// Gives units without a value the mean of the others, with a note, or 0 if no unit has a value.
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

/// Makes an allocation from one measured value for each unit: the common part of the policies that
/// compare units.
///
/// `measure(unit, value, notes)` measures one unit and returns true on success. A unit that could
/// not be measured gets the mean of the others. `distribute(values, sizes, names)` makes sparsities
/// of the values. Notes on the measurement come first.
///
/// `from_tokens` states that tokens are measured, so that the absence of every value means that no
/// token came.
/// @throws value_error if `from_tokens` is set and no unit could be measured
template <class Units, class Measure, class Distribute>
allocate::allocation allocation_by(std::string_view policy, std::string_view what,
                                   const Units& units, bool from_tokens, const Measure& measure,
                                   const Distribute& distribute) {
  const std::vector<std::string> names = names_of(units);
  const std::vector<std::size_t> num_params = num_params_of(units);
  std::vector<std::string> notes;
  std::vector<double> values(units.size(), 0.0);
  std::vector<bool> known(units.size());
  for (std::size_t u = 0; u < units.size(); ++u) known[u] = measure(u, values[u], notes);
  if (from_tokens) check_seen_at_all(policy, what, known, num_params);
  fill_unknown(policy, what, values, known, names, notes);
  allocate::allocation answer =
      distribute(std::span<const double>(values), std::span<const std::size_t>(num_params),
                 std::span<const std::string>(names));
  answer.notes.insert(answer.notes.begin(), notes.begin(), notes.end());
  return answer;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
