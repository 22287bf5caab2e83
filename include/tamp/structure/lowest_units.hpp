#pragma once

/// @file
/// The units of lowest score, and those of highest.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../element.hpp"
#include "../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses scores that cannot be ranked.
inline void check_scores(std::string_view who, std::span<const double> scores) {
  check_list(who, "scores", scores);
  for (std::size_t k = 0; k < scores.size(); ++k)
    if (!is_finite(scores[k]))
      raise<value_error>(who, ": the score of unit ", k, " is ", scores[k]);
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// The units that rank above all others, and the parts that lose equally many.
struct ranking_options {
  std::size_t sections = 1;             ///< consecutive equal parts of the units
  std::span<const std::size_t> keep{};  ///< units that rank above all others
};

/// Returns the units of lowest score, ascending: `count` / sections of each section, and the rest of
/// that division stays.
///
/// Of equal scores the lower unit is among them. Units of `keep` come last, and among themselves by
/// score. Time: n log n. Use it for experts (structure::experts_to_drop), for whole layers by
/// stat::hidden_change, and for rows of a vocabulary by how often they are used.
/// @throws value_error if a score is not finite, `count` exceeds the units, or one of `keep` is no
///         unit
/// @throws shape_error if the units do not divide into the sections
inline std::vector<std::size_t> lowest_units(std::span<const double> scores, std::size_t count,
                                             const ranking_options& options = {}) {
  const tamp::detail::ieee_arithmetic as_usual;
  constexpr std::string_view who = "lowest_units";
  tamp::detail::check_scores(who, scores);
  const std::size_t units = scores.size(), sections = options.sections;
  if (sections == 0 || units % sections != 0)
    tamp::detail::raise<shape_error>(who, ": ", units, " units do not divide into ", sections,
                                     " sections");
  if (count > units)
    tamp::detail::raise<value_error>(who, ": there are ", units, " units, of which ", count,
                                     " cannot be chosen");
  tamp::detail::check_list(who, "units to keep", options.keep);
  auto is_kept = tamp::detail::checked_array<unsigned char>(who, units);
  for (const std::size_t k : options.keep) {
    if (k >= units)
      tamp::detail::raise<value_error>(who, ": unit ", k, " cannot be kept: there are ", units);
    is_kept[k] = 1;
  }
  auto order = tamp::detail::checked_array<std::size_t>(who, units);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t width = units / sections, each = count / sections;
  std::vector<std::size_t> lowest;
  for (std::size_t s = 0; s < sections; ++s) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(s * width);
    std::sort(begin, begin + static_cast<std::ptrdiff_t>(width), [&](std::size_t a, std::size_t b) {
      if (is_kept[a] != is_kept[b]) return is_kept[a] < is_kept[b];
      if (scores[a] != scores[b]) return scores[a] < scores[b];
      return a < b;
    });
    lowest.insert(lowest.end(), begin, begin + static_cast<std::ptrdiff_t>(each));
  }
  std::sort(lowest.begin(), lowest.end());
  return lowest;
}

/// Returns the units that are not among some others, ascending. `others` ascend.
/// @throws shape_error if memory cannot hold them
inline std::vector<std::size_t> all_but(std::size_t units, std::span<const std::size_t> others) {
  std::vector<std::size_t> rest;
  const std::size_t most = units - (std::min)(units, others.size());
  tamp::detail::check_array("all_but", most, sizeof(std::size_t));
  tamp::detail::with_memory("all_but", [&] { rest.reserve(most); });
  std::size_t next = 0;
  for (std::size_t k = 0; k < units; ++k)
    if (next < others.size() && others[next] == k)
      ++next;
    else
      rest.push_back(k);
  return rest;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
