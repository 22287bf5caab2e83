#pragma once

/// @file
/// Diversity-aware sparsity: layers whose outputs are diverse keep more.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../stat/token_diversity.hpp"
#include "allocation.hpp"
#include "detail/measured_units.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Diversity-aware sparsity: a layer keeps more weights if its output tokens differ more.
///
/// Use it on multimodal models, in which layers treat image and text tokens very differently. It
/// reads no weight, only stat::token_diversity of every layer's output.
///
///     minimum(u) = ceil(n(u) * (1 - max_sparsity))
///     keep(u)    = minimum(u) + importance(u) / sum of importances * (budget - sum of minimums)
///     budget     = floor(sum of n * (1 - sparsity))
///
/// in whole weights, of which unit u has n(u). The allocation gives these whole numbers. The part
/// that a full unit cannot take is shared by the others in the same way. The surplus from rounding
/// up is taken back from the units that keep the most. Shares do not grow with the size of a unit:
/// of two units of equal importance the smaller one gets the lower sparsity. A unit of several
/// layers has their mean importance over weights. A unit that saw no token gets the mean importance
/// of the others. Notes report these units, and the units that end at max_sparsity or stay dense.
///
/// Source: Lee et al. 2025, TAMP (arXiv 2504.09897). The published code has a sign error where it
/// takes back the surplus.
struct das {
  using role = tamp::role::allocate;
  using needs = stat::token_diversity;
  static constexpr granularity unit = granularity::layer;

  double sparsity = 0.5;
  std::optional<double> max_sparsity{};  ///< of any unit; 0.1 above `sparsity` by default

  /// The upper bound of every unit's sparsity.
  double highest_sparsity() const noexcept {
    return max_sparsity.value_or((std::min)(sparsity + 0.1, 1.0));
  }

  std::string label() const { return detail::sentence("das ", sparsity, ' ', shown_highest()); }

  /// Returns one sparsity for each unit, from one importance for each unit.
  /// @throws value_error if a parameter is out of range or an importance is negative or not finite
  /// @throws shape_error unless there are as many importances as sizes
  allocation distribute(std::span<const double> importance, std::span<const std::size_t> num_params,
                        std::span<const std::string> names = {}) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    detail::check_unit_values("das", "importance", importance, num_params, names);
    const std::vector<std::int64_t> sizes(num_params.begin(), num_params.end());
    std::vector<std::int64_t> least(sizes.size());
    for (std::size_t u = 0; u < sizes.size(); ++u)
      least[u] =
          (std::min)(ceiling(static_cast<double>(sizes[u]) * (1 - highest_sparsity())), sizes[u]);
    const std::vector<std::int64_t> keep = kept(importance, sizes, least);

    allocation answer;
    for (std::size_t u = 0; u < sizes.size(); ++u) {
      const double fraction =
          sizes[u] == 0 ? sparsity
                        : 1 - static_cast<double>(keep[u]) / static_cast<double>(sizes[u]);
      answer.drops.push_back(static_cast<std::size_t>(sizes[u] - keep[u]));
      answer.sparsities.push_back(
          detail::sparsity_that_drops(answer.drops.back(), num_params[u], 1, fraction));
    }
    add_notes(answer, importance, sizes, least, keep, names);
    return answer;
  }

  /// Measures the units and distributes the sparsity.
  /// @throws value_error as distribute(), and if no unit saw any token
  template <executor E, class Units>
  allocation operator()(const E&, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    return detail::allocation_by(
        "das", "importance", units, true,
        [&](std::size_t u, double& importance, std::vector<std::string>& notes) {
          return detail::mean_over_layers(
              "das", "importance", units, u, [](const auto& seen) { return seen.importance(); },
              importance, notes);
        },
        [&](auto values, auto num_params, auto names) {
          return distribute(values, num_params, names);
        });
  }

  friend bool operator==(const das&, const das&) = default;

 private:
  static std::int64_t ceiling(double number) noexcept {
    return static_cast<std::int64_t>(std::ceil(number));
  }
  static std::int64_t sum_of(const std::vector<std::int64_t>& counts) noexcept {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  }

  /// Sums in the order of NumPy, with eight accumulators and pairwise halving. If a share is a
  /// whole number, the last bit of the total decides its rounding, and counts must equal the
  /// reference's.
  static double sum_of(std::span<const double> numbers) noexcept {
    constexpr std::size_t lanes = 8, longest = 128;
    if (numbers.size() > longest) {
      const std::size_t half = numbers.size() / 2 / lanes * lanes;
      return sum_of(numbers.first(half)) + sum_of(numbers.subspan(half));
    }
    double sum = 0;
    std::size_t k = 0;
    if (numbers.size() >= lanes) {
      double lane[lanes];
      std::copy_n(numbers.begin(), lanes, lane);
      for (k = lanes; k + lanes <= numbers.size(); k += lanes)
        for (std::size_t l = 0; l < lanes; ++l) lane[l] += numbers[k + l];
      sum =
          ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
    for (; k < numbers.size(); ++k) sum += numbers[k];
    return sum;
  }

  // Removes the rounding error of 0.7 + 0.1, which `distribute` retains.
  double shown_highest() const { return std::round(highest_sparsity() * 1e12) / 1e12; }

  void check_parameters() const {
    detail::check_sparsity(sparsity);
    if (max_sparsity && !(detail::is_fraction(*max_sparsity) && *max_sparsity >= sparsity))
      detail::raise<value_error>("das: max_sparsity lies in [", sparsity, ", 1], and is ",
                                 shown_highest());
  }

  /// Returns the number of weights that each unit keeps, at least `least`.
  std::vector<std::int64_t> kept(std::span<const double> importance,
                                 const std::vector<std::int64_t>& sizes,
                                 const std::vector<std::int64_t>& least) const {
    const auto budget =
        static_cast<std::int64_t>(std::floor(static_cast<double>(sum_of(sizes)) * (1 - sparsity)));
    std::vector<double> claim(importance.begin(), importance.end());
    if (!is_finite(sum_of(claim)))
      detail::raise<value_error>("das: the importances are too large to be summed");
    std::vector<std::int64_t> keep = least;
    while (sum_of(keep) < budget) {
      const auto left = static_cast<double>(budget - sum_of(keep));
      double total = sum_of(claim);
      if (total == 0) {  // no open unit has any importance: share by size
        for (std::size_t u = 0; u < keep.size(); ++u)
          claim[u] = static_cast<double>(sizes[u] - keep[u]);
        total = sum_of(claim);
      }
      for (std::size_t u = 0; u < keep.size(); ++u) {
        keep[u] += ceiling(claim[u] / total * left);
        if (keep[u] >= sizes[u]) claim[u] = 0;
        keep[u] = (std::min)(keep[u], sizes[u]);
      }
    }
    std::vector<std::size_t> largest_first(keep.size());
    std::iota(largest_first.begin(), largest_first.end(), std::size_t{0});
    std::sort(largest_first.begin(), largest_first.end(), [&](std::size_t a, std::size_t b) {
      return keep[a] > keep[b] || (keep[a] == keep[b] && a < b);
    });
    std::int64_t over = sum_of(keep) - budget;
    for (const std::size_t u : largest_first) {
      const std::int64_t taken = (std::min)(over, keep[u] - least[u]);
      keep[u] -= taken;
      over -= taken;
    }
    return keep;
  }

  void add_notes(allocation& answer, std::span<const double> importance,
                 const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& least,
                 const std::vector<std::int64_t>& keep, std::span<const std::string> names) const {
    if (importance.size() > 1 && std::all_of(importance.begin(), importance.end(),
                                             [&](double i) { return i == importance[0]; }))
      answer.notes.push_back(
          importance[0] == 0
              ? "das: every importance is 0, so that the units share by size"
              : "das: the importance is the same everywhere, so that all units keep the same "
                "number of weights above their least");
    std::vector<std::size_t> at_most, dense;
    for (std::size_t u = 0; u < keep.size(); ++u) {
      if (keep[u] == least[u] && sizes[u] != 0 && highest_sparsity() > sparsity)
        at_most.push_back(u);
      if (keep[u] == sizes[u] && least[u] < sizes[u]) dense.push_back(u);
    }
    if (!at_most.empty())
      answer.notes.push_back(detail::sentence("das: held at max_sparsity ", shown_highest(), ": ",
                                              detail::listed(at_most, names)));
    if (!dense.empty())
      answer.notes.push_back(
          detail::sentence("das: kept whole, with what they had no room for ",
                           "given to the others: ", detail::listed(dense, names)));
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
