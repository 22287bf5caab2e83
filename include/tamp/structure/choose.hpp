#pragma once

/// @file
/// Plans of structure from scores of units: one sparsity for each group, or one threshold for all.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "lowest_units.hpp"
#include "select_globally.hpp"
#include "ties.hpp"
#include "unit_plan.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the number of units of a group that stay, given the number wanted: the nearest multiple of
/// the group's `multiple` and of its sections, of two the higher, and no fewer than `fewest`. All
/// stay where that would be more than there are.
inline std::size_t rounded_count(const structure::group& g, std::size_t wanted) {
  if (wanted >= g.units) return g.units;
  const std::size_t common = std::gcd(g.multiple, g.sections);
  const std::size_t step = checked_product("choose", g.multiple / common, g.sections);
  if (step > g.units) return g.units;
  std::size_t count = (wanted / step + (2 * (wanted % step) >= step)) * step;
  const std::size_t fewest = (g.fewest / step + (g.fewest % step != 0)) * step;
  count = (std::max)(count, (std::max)(fewest, step));
  return count > g.units ? g.units : count;
}

/// Keeps the best `count` units of a group, and says where rounding changed the number wanted.
inline void add_choice(structure::unit_plan& plan, const structure::group& g,
                       std::span<const double> scores, std::size_t wanted) {
  const std::size_t count = rounded_count(g, wanted);
  if (count != wanted)
    plan.notes.push_back(sentence("choose: ", g.name, " keeps ", count, " of ", g.units, ' ',
                                  g.kind, " instead of ", wanted));
  const auto dropped = structure::lowest_units(scores, g.units - count, {g.sections});
  plan.choices.push_back({g.name, g.kind, g.units, structure::all_but(g.units, dropped)});
}

inline void check_choice(const structure::ties& all, std::span<const std::vector<double>> scores) {
  if (scores.size() != all.groups.size())
    raise<shape_error>("choose: scores of ", scores.size(), " groups, and ties of ",
                       all.groups.size());
  for (std::size_t k = 0; k < scores.size(); ++k) {
    const structure::group& g = all.groups[k];
    check_group(g);
    if (scores[k].size() != g.units)
      raise<shape_error>("choose: ", scores[k].size(), " scores for the ", g.units, " units of ",
                         g.name);
    for (std::size_t u = 0; u < g.units; ++u)
      if (!is_finite(scores[k][u]))
        raise<value_error>("choose: the score of unit ", u, " of ", g.name, " is ", scores[k][u]);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Chooses in each group by itself: it drops the floor(units * sparsity) units of lowest score.
///
/// `scores` has one list for each group of `all`, in its order, larger for what matters more, and
/// `sparsities` one number for each group: all equal (uniform), or those of an allocation, such as
/// allocate::owl and allocate::das by blocks. The number that stays is rounded to the nearest
/// multiple that the group asks for, of two the higher, and notes say so. Of equal scores the lower
/// unit goes first.
/// @throws shape_error if scores or sparsities are not those of the groups
/// @throws value_error if a sparsity is no fraction, or a score not finite
inline unit_plan choose_each(const ties& all, std::span<const std::vector<double>> scores,
                             std::span<const double> sparsities) {
  const tamp::detail::ieee_arithmetic as_usual;
  tamp::detail::check_choice(all, scores);
  if (sparsities.size() != all.groups.size())
    tamp::detail::raise<shape_error>("choose: ", sparsities.size(), " sparsities for ",
                                     all.groups.size(), " groups");
  for (const double& sparsity : sparsities) tamp::detail::check_sparsity(sparsity);
  unit_plan plan;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    const group& g = all.groups[k];
    tamp::detail::add_choice(plan, g, scores[k],
                             g.units - tamp::detail::drop_count(g.units, sparsities[k]));
  }
  return plan;
}

/// Chooses across all groups by one threshold (select_globally): `sparsity` is the fraction of the
/// parameters of all units that is dropped.
///
/// The scores must be comparable across groups (structure::standardised). A unit costs the mean
/// number of parameters of its group's units. Then the number that stays in each group is rounded as
/// in choose_each, without making up for it elsewhere.
/// @throws as choose_each and unit_sizes
inline unit_plan choose_globally(const ties& all, const weight_shapes& shapes,
                                 std::span<const std::vector<double>> scores, double sparsity,
                                 std::size_t least = 1) {
  const tamp::detail::ieee_arithmetic as_usual;
  tamp::detail::check_choice(all, scores);
  std::vector<double> costs;
  for (const group& g : all.groups) {
    double sum = 0;
    for (const std::size_t size : unit_sizes(g, shapes)) sum += static_cast<double>(size);
    costs.push_back(sum / static_cast<double>(g.units));
  }
  const auto kept = select_globally(scores, costs, sparsity, least);
  unit_plan plan;
  for (std::size_t k = 0; k < scores.size(); ++k)
    tamp::detail::add_choice(plan, all.groups[k], scores[k], kept[k].size());
  return plan;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
