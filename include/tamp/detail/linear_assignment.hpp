#pragma once

/// @file
/// The linear assignment problem.

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "checked.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the column of each row in the assignment of n rows to n columns that has the largest sum
/// of gains. `gains` is (n, n), row-major and finite.
///
/// Each row in turn is assigned along the shortest augmenting path, by Dijkstra's algorithm on
/// reduced costs. Ties: the lower column is reached first. Time: at most of the order of n^3.
/// Source: Jonker & Volgenant 1987 (doi 10.1007/BF02278710).
inline std::vector<std::size_t> best_assignment(std::string_view who, std::span<const double> gains,
                                                std::size_t n) {
  constexpr double unreached = (std::numeric_limits<double>::max)();
  const std::size_t none = n;
  auto row_price = checked_array<double>(who, n), column_price = checked_array<double>(who, n);
  std::vector<std::size_t> row_of(n, none), came_from(n);
  std::vector<double> distance(n);
  std::vector<char> is_final(n);
  for (std::size_t start = 0; start < n; ++start) {
    distance.assign(n, unreached);
    is_final.assign(n, 0);
    std::size_t row = start, last = none;  // the column that was made final last
    double length = 0;
    while (last == none || row_of[last] != none) {
      if (last != none) row = row_of[last];
      std::size_t next = none;
      for (std::size_t j = 0; j < n; ++j) {
        if (is_final[j]) continue;
        const double here = length - gains[row * n + j] - row_price[row] - column_price[j];
        if (here < distance[j]) {
          distance[j] = here;
          came_from[j] = last;
        }
        if (next == none || distance[j] < distance[next]) next = j;
      }
      length = distance[next];
      is_final[next] = 1;
      last = next;
    }
    for (std::size_t j = 0; j < n; ++j) {
      if (!is_final[j] || j == last) continue;
      column_price[j] += distance[j] - length;
      row_price[row_of[j]] += length - distance[j];
    }
    row_price[start] += length;
    for (std::size_t j = last;; j = came_from[j]) {
      const std::size_t before = came_from[j];
      row_of[j] = before == none ? start : row_of[before];
      if (before == none) break;
    }
  }
  std::vector<std::size_t> column_of(n);
  for (std::size_t j = 0; j < n; ++j) column_of[row_of[j]] = j;
  return column_of;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
