#pragma once

/// @file
/// The cheapest choice of one level for each unit, with a fixed sum of levels.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns one level for each unit, such that the levels add up to `total` at the least sum of
/// costs. costs[u][l] is the cost of level l of unit u, finite and at least 0. A unit has at least level 0.
///
/// Dynamic programming: least(u, t) is the least cost of the units up to u whose levels add up to t,
/// the minimum over l of least(u - 1, t - l) + costs[u][l]. Ties: later units get the lower levels.
/// Time: the number of all levels times `total`. Memory: four bytes for each unit and each sum.
/// @throws value_error if the highest levels of all units add up to less than `total`
inline std::vector<std::size_t> cheapest_levels(std::string_view who,
                                                const std::vector<std::vector<double>>& costs,
                                                std::size_t total) {
  constexpr double unreachable = (std::numeric_limits<double>::max)();
  const std::size_t units = costs.size(), sums = total + 1;
  auto chosen = checked_array<std::uint32_t>(who, checked_product(who, units, sums));
  std::vector<double> least(sums, unreachable), before;
  least[0] = 0;
  for (std::size_t u = 0; u < units; ++u) {
    before.swap(least);
    least.assign(sums, unreachable);
    for (std::size_t l = 0; l < costs[u].size() && l < sums; ++l)
      for (std::size_t t = l; t < sums; ++t) {
        const double cost = before[t - l] + costs[u][l];
        if (!(cost < least[t])) continue;
        least[t] = cost;
        chosen[u * sums + t] = static_cast<std::uint32_t>(l);
      }
  }
  if (!(least[total] < unreachable))
    raise<value_error>(who, ": the levels of ", units, units == 1 ? " unit" : " units",
                       " do not add up to ", total);
  std::vector<std::size_t> levels(units);
  for (std::size_t u = units, t = total; u-- > 0; t -= levels[u]) levels[u] = chosen[u * sums + t];
  return levels;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
