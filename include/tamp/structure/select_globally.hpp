#pragma once

/// @file
/// FLAP's adaptive choice: one threshold for the units of all groups.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/pairwise_sum.hpp"
#include "lowest_units.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// Returns the units of each group that stay, ascending, chosen across all groups.
///
///     order  = all units by descending score; of equal scores the later one comes first
///     spent  = the cost of the first n units of the order
///     n      = the number whose cost is nearest to (1 - sparsity) * the cost of all
///
/// `scores` has one list for each group, comparable across groups (structure::standardised), and
/// `costs` the cost of a unit of each: its number of parameters, or any multiple of that. The
/// `least` best units of every group come first in the order and always stay. Of two numbers that
/// are equally near the lower one is taken. So a group may lose all but `least` of its units.
///
/// Use it where groups may keep different numbers. Source: An et al. 2024, FLAP (arXiv 2312.11983),
/// AL-AM. The published code keeps one unit less and can empty a layer
/// (docs/policies/structure/flap.md).
/// @throws value_error if the sparsity is no fraction, a score is not finite, or a cost is not
///         positive
/// @throws shape_error unless there is one cost for each group
inline std::vector<std::vector<std::size_t>> select_globally(
    std::span<const std::vector<double>> scores, std::span<const double> costs, double sparsity,
    std::size_t least = 1) {
  const tamp::detail::ieee_arithmetic as_usual;
  using tamp::detail::rounded;
  constexpr std::string_view who = "select_globally";
  tamp::detail::check_sparsity(sparsity);
  if (costs.size() != scores.size())
    tamp::detail::raise<shape_error>(who, ": ", costs.size(), " costs for ", scores.size(),
                                     " groups");
  struct unit {
    double score, cost;
    std::size_t group, index;
    bool is_front;
  };
  std::vector<unit> units;
  std::vector<double> all_costs;
  for (std::size_t g = 0; g < scores.size(); ++g) {
    tamp::detail::check_scores(who, scores[g]);
    if (!tamp::detail::is_positive(costs[g]))
      tamp::detail::raise<value_error>(who, ": a unit of group ", g, " costs ", costs[g]);
    const std::size_t count = scores[g].size();
    const auto others = lowest_units(scores[g], count - (std::min)(least, count));
    std::size_t next = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const bool is_other = next < others.size() && others[next] == k;
      next += is_other;
      units.push_back({scores[g][k], costs[g], g, k, !is_other});
      all_costs.push_back(costs[g]);
    }
  }
  // Equal scores are ordered from the last to the first.
  std::vector<std::size_t> order(units.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (units[a].is_front != units[b].is_front) return units[a].is_front;
    if (units[a].score != units[b].score) return units[a].score > units[b].score;
    return a > b;
  });
  const auto front = static_cast<std::size_t>(
      std::count_if(units.begin(), units.end(), [](const unit& u) { return u.is_front; }));
  const double share = rounded(1 - sparsity), sum = tamp::detail::pairwise_sum(all_costs);
  if (!is_finite(sum))
    tamp::detail::raise<value_error>(who, ": the costs of ", all_costs.size(),
                                     " units are too large to be summed");
  const double wanted = rounded(share * sum);
  std::size_t count = 0;
  double spent = 0, least_distance = wanted;
  for (std::size_t n = 1; n <= order.size(); ++n) {
    spent = rounded(spent + units[order[n - 1]].cost);
    const double distance = std::abs(rounded(spent - wanted));
    if (distance < least_distance) {
      least_distance = distance;
      count = n;
    }
  }
  count = (std::max)(count, front);
  std::vector<std::vector<std::size_t>> kept(scores.size());
  for (std::size_t n = 0; n < count; ++n)
    kept[units[order[n]].group].push_back(units[order[n]].index);
  for (auto& of_group : kept) std::sort(of_group.begin(), of_group.end());
  return kept;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
