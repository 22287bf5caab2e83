#pragma once

/// @file
/// Sparsities that are multiples of 1 / M, for the mixed N:M pattern.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../score/detail/score_forms.hpp"
#include "allocation.hpp"
#include "concepts.hpp"
#include "detail/units.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// An allocation whose sparsities are rounded to multiples of 1 / M, on its target over the model.
///
/// Use it with pattern::mixed_n_of_m<M>, so that each unit keeps a whole number N of every M:
///
///     compose(score::wanda{}, allocate::in_groups<8, allocate::owl<>>{{.sparsity = 0.5}},
///             pattern::mixed_n_of_m<8>{})
///
///     s(u)       = the sparsity that Allocate gives unit u
///     dropped(u) = floor(M * s(u)), and one more for the units whose s(u) was rounded down the most
///
/// The units are taken by what they lost to rounding, largest first. One that would carry the
/// weights dropped above the sum of s(u) * size(u) is passed over. The model therefore drops at most
/// as many weights as Allocate decided on, and fewer by less than 1 / M of its largest unit. A note
/// gives the sparsity that is reached. Ties: the later unit drops one more first, because early
/// blocks are usually the more sensitive ones. A unit that Allocate keeps whole or drops whole stays
/// so.
/// Source: the mixed N:8 configuration of Yin et al. 2024, OWL (arXiv 2310.05175), whose layers
/// have different N at the same number of weights.
template <std::size_t M, class Allocate>
struct in_groups {
  static_assert(1 < M && M <= 32, "allocate::in_groups<M, Allocate> rounds to groups of 2 to 32");
  using role = tamp::role::allocate;
  using needs = tamp::detail::needed_statistic_of<Allocate>;  // void if it needs none
  static constexpr granularity unit = [] {
    if constexpr (requires { Allocate::unit; })
      return Allocate::unit;
    else
      return granularity::layer;
  }();

  Allocate allocate{};

  std::string label() const { return detail::sentence(tamp::label(allocate), " in groups of ", M); }
  auto statistic() const
    requires requires(const Allocate& a) { a.statistic(); }
  {
    return allocate.statistic();
  }

  /// Rounds one sparsity for each unit.
  /// @throws value_error if a sparsity is not in [0, 1]
  /// @throws shape_error unless there are as many sparsities as sizes
  allocation round(std::span<const double> sparsities,
                   std::span<const std::size_t> num_params) const {
    const detail::ieee_arithmetic as_usual;
    if (sparsities.size() != num_params.size())
      detail::raise<shape_error>("in_groups: ", sparsities.size(), " sparsities for ",
                                 num_params.size(), " units");
    detail::total_params("in_groups", num_params);
    std::vector<std::size_t> dropped(sparsities.size());
    double left = 0, total = 0;  // weights still to drop, and all
    const auto size = [&](std::size_t u) { return static_cast<double>(num_params[u]); };
    const auto lost = [&](std::size_t u) {
      return sparsities[u] * M - static_cast<double>(dropped[u]);
    };
    for (std::size_t u = 0; u < dropped.size(); ++u) {
      detail::check_sparsity(sparsities[u]);
      dropped[u] = detail::drop_count(M, sparsities[u]);
      left += lost(u) * size(u) / M;
      total += size(u);
    }
    std::vector<std::size_t> order(dropped.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return lost(a) != lost(b) ? lost(a) > lost(b) : a > b;
    });
    for (const std::size_t u : order) {
      // Rounding of the sum must not keep the last unit from its share.
      if (!(lost(u) > 0) || size(u) / M > left + total * 1e-12) continue;
      ++dropped[u];
      left -= size(u) / M;
    }
    allocation answer;
    double reached = 0;
    for (std::size_t u = 0; u < dropped.size(); ++u) {
      answer.sparsities.push_back(detail::sparsity_that_drops(dropped[u], M));
      reached += answer.sparsities[u] * size(u);
    }
    if (total != 0)
      answer.notes.push_back(
          detail::sentence("in_groups: ", reached / total, " of all weights in groups of ", M));
    return answer;
  }

  /// Asks the other allocation, and rounds its sparsities.
  /// @throws what the other allocation throws, and as `round` does
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const std::vector<std::size_t> num_params = detail::num_params_of(units);
    allocation asked;
    if constexpr (by_size<Allocate>)
      asked.sparsities = allocate(std::span<const std::size_t>(num_params));
    else
      asked = allocate(exec, units);
    allocation answer = round(asked.sparsities, num_params);
    answer.notes.insert(answer.notes.begin(), asked.notes.begin(), asked.notes.end());
    return answer;
  }

  friend bool operator==(const in_groups&, const in_groups&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
