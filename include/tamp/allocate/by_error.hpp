#pragma once

/// @file
/// Sparsities at which the measured errors of all layers together are least.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../pattern/per_row.hpp"
#include "../refine/detail/gram_matrix.hpp"
#include "../refine/detail/refined_statistic.hpp"
#include "../refine/layer_error.hpp"
#include "../role.hpp"
#include "../score/detail/chosen_mask.hpp"
#include "../score/detail/column_statistics.hpp"
#include "../score/detail/score_forms.hpp"
#include "../score/wanda.hpp"
#include "../stat/gram.hpp"
#include "../stat/joint.hpp"
#include "../stat/weighted.hpp"
#include "../tensor/rows.hpp"
#include "allocation.hpp"
#include "detail/cheapest_levels.hpp"
#include "detail/units.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// True for a statistic with a Gram matrix.
template <class Statistic>
inline constexpr bool has_gram = std::is_same_v<Statistic, stat::gram>;
template <class... Parts>
inline constexpr bool has_gram<stat::joint<Parts...>> = (has_gram<Parts> || ...);
template <class Statistic, class Weighting>
inline constexpr bool has_gram<stat::weighted<Statistic, Weighting>> = has_gram<Statistic>;

struct gram_reader {
  using needs = stat::gram;
};
/// The statistic of a score, with a Gram matrix beside it unless it has one.
template <class Score>
using statistic_with_gram =
    typename std::conditional_t<has_gram<needed_statistic_of<Score>>,
                                std::type_identity<needed_statistic_of<Score>>,
                                refined_statistic<Score, gram_reader>>::type;

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::allocate {

/// Chooses the sparsities for which the sum over layers of the measured output errors is least.
///
/// Use it in place of a proxy (owl, das) where Gram matrices are affordable, with the score, the
/// refinements and the pattern that will prune:
///
///     using refined = refine::refined<score::wanda, refine::swaps>;
///     allocate::by_error<refined>{.sparsity = 0.6}
///
/// Each unit is pruned on a copy at `levels` sparsities, evenly spread over the target plus and minus
/// `reach`, and the error of its output is measured (refine::layer_error):
///
///     cost(u, s) = ||X (W - P)^T||^2 / ||X W^T||^2      of unit u pruned to sparsity s
///
/// or without the divisor if `relative` is false. Costs in between are interpolated. Dynamic
/// programming then finds the sparsities of the least sum of costs at the number of weights
/// floor(size * sparsity), in steps of a 4096th of that number. The counts are exact and handed on
/// (allocation::drops). Ties: later units lose less.
///
/// Less error of layers need not mean better answers: errors of early layers travel through all
/// others. docs/results.md compares it with the proxies.
///
/// A layer's error is measured on `rows` of its rows, evenly spread, if it has more; 0 is all. The
/// mask is always chosen on the whole layer. A unit with a layer that saw no token loses floor(size
/// * sparsity), the others the rest, at most all that they have, and notes say so.
///
/// Cost: for each layer, `levels` selections, and as many times rows * cols^2 multiply-adds. Memory:
/// the Gram matrices, one more matrix of the size of the largest, and that of the score. The result
/// does not depend on the executor.
/// Source: own. The dynamic program is the knapsack of equal steps; budgets by measured errors as in
/// Frantar & Alistarh 2022, SPDY (arXiv 2201.13096), which measures other errors.
template <class Score = score::wanda, class Pattern = pattern::per_row>
struct by_error {
  using role = tamp::role::allocate;
  using needs = detail::statistic_with_gram<Score>;
  static constexpr granularity unit = granularity::layer;

  double sparsity = 0.5;
  double reach = 0.2;      ///< how far a unit's sparsity may lie from the target
  std::size_t levels = 9;  ///< measured sparsities of each unit, at least 2
  std::size_t rows = 256;  ///< measured rows of each layer; 0: all
  bool relative = true;    ///< errors are shares of the output's square
  Score score{};
  Pattern pattern{};

  std::string label() const {
    // Copies, because GCC 12 warns that a score without members is uninitialised.
    return detail::sentence("by_error ", sparsity, ' ', reach, ' ', levels, ' ', rows,
                            relative ? "" : " absolute", ' ', tamp::label(Score(score)), ' ',
                            tamp::label(Pattern(pattern)));
  }
  needs statistic() const {
    if constexpr (!detail::needs_statistic<Score>)
      return needs{};
    else if constexpr (requires { score.statistic(); })
      return detail::empty_with<needs>(score.statistic());
    else
      return detail::empty_with<needs>(typename Score::needs{});
  }

  /// Distributes the sparsity by costs: costs[u][k] is that of unit u at the k-th of `levels`
  /// sparsities, evenly spread from lowest() to highest().
  /// @throws value_error if a parameter is out of range, or a cost is negative or not finite
  /// @throws shape_error unless there are as many lists of costs as sizes, of `levels` costs each
  allocation distribute(std::span<const std::vector<double>> costs,
                        std::span<const std::size_t> num_params) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    if (costs.size() != num_params.size())
      detail::raise<shape_error>("by_error: costs of ", costs.size(), " units for ",
                                 num_params.size(), " sizes");
    for (std::size_t u = 0; u < costs.size(); ++u) {
      if (costs[u].size() != levels)
        detail::raise<shape_error>("by_error: ", costs[u].size(), " costs of unit ", u, " for ",
                                   levels, " levels");
      for (const double cost : costs[u])
        if (!detail::is_nonnegative(cost))
          detail::raise<value_error>("by_error: a cost of unit ", u, " is ", cost);
    }
    const std::size_t size = detail::total_params("by_error", num_params);
    return with_drops(cheapest(costs, num_params, detail::drop_count(size, sparsity)), num_params);
  }

  double lowest() const noexcept { return (std::max)(0.0, sparsity - reach); }
  double highest() const noexcept { return (std::min)(1.0, sparsity + reach); }

  /// Measures the units and distributes the sparsity.
  /// @throws value_error if a parameter is out of range, a weight, a statistic or a score cannot be
  ///         used, naming it, or no unit saw any token
  /// @throws shape_error if a layer's statistics cover another number of columns
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    const std::vector<std::size_t> num_params = detail::num_params_of(units);
    const std::size_t size = detail::total_params("by_error", num_params);
    std::size_t drop = detail::drop_count(size, sparsity);
    std::vector<std::size_t> measured, sizes, drops(units.size());
    std::vector<std::vector<double>> costs;
    std::vector<std::string> notes;
    for (std::size_t u = 0; u < units.size(); ++u) {
      std::vector<double> of_unit(levels, 0.0);
      if (measure(exec, units, u, of_unit, notes)) {
        measured.push_back(u);
        sizes.push_back(num_params[u]);
        costs.push_back(std::move(of_unit));
      } else {
        drops[u] = detail::drop_count(num_params[u], sparsity);
        drop -= drops[u];
      }
    }
    if (measured.empty() && size != 0)
      detail::raise<value_error>("by_error: no layer of ", units.size(),
                                 units.size() == 1 ? " unit" : " units", " saw a token");
    drop = detail::at_most_all("by_error", drop, num_params, measured, notes);
    const std::vector<std::size_t> of_measured = cheapest(costs, sizes, drop);
    for (std::size_t k = 0; k < measured.size(); ++k) drops[measured[k]] = of_measured[k];
    allocation answer = with_drops(std::move(drops), num_params);
    answer.notes = std::move(notes);
    return answer;
  }

  friend bool operator==(const by_error&, const by_error&) = default;

 private:
  void check_parameters() const {
    detail::check_sparsity(sparsity);
    if (!detail::is_fraction(reach))
      detail::raise<value_error>("by_error: reach lies in [0, 1], and is ", reach);
    if (levels < 2 || levels > 1000)
      detail::raise<value_error>("by_error: 2 to 1000 levels are measured, not ", levels);
  }

  double level(std::size_t k) const noexcept {
    return lowest() +
           (highest() - lowest()) * static_cast<double>(k) / static_cast<double>(levels - 1);
  }

  // Returns the cost at a sparsity, between those of the levels around it.
  double cost_at(const std::vector<double>& costs, double s) const noexcept {
    const double width = highest() - lowest();
    const double at = width == 0 ? 0.0 : (s - lowest()) / width * static_cast<double>(levels - 1);
    if (!(at > 0)) return costs.front();
    const auto below = (std::min)(static_cast<std::size_t>(at), levels - 2);
    const double share = (std::min)(at - static_cast<double>(below), 1.0);
    return costs[below] + share * (costs[below + 1] - costs[below]);
  }

  // Returns the numbers of weights that the units lose, which add up to `drop`.
  std::vector<std::size_t> cheapest(std::span<const std::vector<double>> costs,
                                    std::span<const std::size_t> sizes, std::size_t drop) const {
    double highest_sum = 0;
    for (const std::vector<double>& of_unit : costs)
      highest_sum += *std::max_element(of_unit.begin(), of_unit.end());
    if (!is_finite(highest_sum))
      detail::raise<value_error>("by_error: the costs of ", costs.size(),
                                 " units are too large to be summed");
    constexpr std::size_t steps = 4096;
    const std::size_t step = (std::max)(std::size_t{1}, drop / steps);
    std::vector<std::size_t> first(sizes.size()), last(sizes.size());
    std::size_t least = 0, most = 0;
    const auto limit = [&](double from, double to) {
      least = most = 0;
      for (std::size_t u = 0; u < sizes.size(); ++u) {
        const double in_steps = static_cast<double>(sizes[u]) / static_cast<double>(step);
        first[u] = static_cast<std::size_t>(from * in_steps);
        last[u] = (std::max)(first[u], static_cast<std::size_t>(to * in_steps));
        least += first[u];
        most += last[u];
      }
    };
    limit(lowest(), highest());
    if (least > drop / step || most < drop / step) limit(0, 1);  // few and small units
    const std::size_t total = (std::min)(drop / step, most);
    std::vector<std::vector<double>> open(sizes.size());
    for (std::size_t u = 0; u < sizes.size(); ++u)  // a unit takes at most what all take together
      for (std::size_t l = first[u]; l <= (std::min)(last[u], first[u] + (total - least)); ++l)
        open[u].push_back(sizes[u] == 0 ? 0.0
                                        : cost_at(costs[u], static_cast<double>(l * step) /
                                                                static_cast<double>(sizes[u])));
    std::vector<std::size_t> drops = detail::cheapest_levels("by_error", open, total - least);
    std::size_t left = drop;
    for (std::size_t u = 0; u < sizes.size(); ++u) left -= drops[u] = (first[u] + drops[u]) * step;
    for (std::size_t u = 0; u < sizes.size() && left != 0; ++u) {
      const std::size_t more = (std::min)(left, sizes[u] - drops[u]);
      drops[u] += more;
      left -= more;
    }
    return drops;
  }

  allocation with_drops(std::vector<std::size_t> drops,
                        std::span<const std::size_t> num_params) const {
    allocation answer;
    for (std::size_t u = 0; u < drops.size(); ++u)
      answer.sparsities.push_back(
          detail::sparsity_that_drops(drops[u], num_params[u], 1, sparsity));
    answer.drops = std::move(drops);
    return answer;
  }

  // Adds the costs of a unit's layers at all levels. Returns false if one of them saw no token.
  template <executor E, class Units>
  bool measure(const E& exec, const Units& units, std::size_t unit, std::vector<double>& costs,
               std::vector<std::string>& notes) const {
    bool is_known = true;
    units.visit(unit, [&](std::string_view layer, const auto& weight, const auto& seen) {
      if (seen.tokens() == 0) {
        is_known = false;
        notes.push_back(detail::sentence("by_error: ", layer, " saw no token, and ",
                                         units.name(unit), " is not measured"));
        return;
      }
      const auto cols = static_cast<std::size_t>(weight.cols());
      if (weight.rows() == 0 || cols == 0) return;
      const auto gram =
          detail::gram_matrix("by_error", layer, cols, detail::part_of<stat::gram>(seen));
      static_cast<void>(detail::bounds_of(exec, "by_error", layer, gram));
      detail::check_finite(exec, weight, "by_error", layer);
      const std::vector<std::size_t> chosen =
          measured_rows(static_cast<std::size_t>(weight.rows()));
      const auto error_of = [&](const auto& left) {
        return detail::error_of_residuals(exec, "by_error", layer, chosen.size(), gram,
                                          reads_difference(weight, left, chosen), chosen);
      };
      const double whole = relative ? error_of(nothing{}) : 1.0;
      for (std::size_t k = 0; k < levels; ++k) {
        const double error = pruned(exec, layer, weight, seen, level(k), error_of);
        costs[k] += whole == 0 ? 0.0 : error / whole;
      }
    });
    return is_known;
  }

  std::vector<std::size_t> measured_rows(std::size_t of) const {
    const std::size_t count = rows == 0 ? of : (std::min)(rows, of);
    std::vector<std::size_t> chosen;
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(detail::proportion(k, of, count));
    return chosen;
  }

  // Prunes a copy of a layer and returns error_of(what is left of it).
  template <executor E, class Source, class ErrorOf>
  double pruned(const E& exec, std::string_view layer, const Source& weight, const needs& seen,
                double at, const ErrorOf& error_of) const {
    using namespace detail;
    const auto height = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const std::optional<std::size_t> count = drop_count(height * cols, at);
    const auto& own = own_part(seen);
    if constexpr (repairing_score<Score>) {
      const auto repaired = score.repair(exec, "by_error", layer, weight, own, pattern, at, count);
      return error_of(repaired.weights());
    } else if constexpr (requires { requires Score::refines; }) {
      return error_of(score.refine(exec, "by_error", layer, weight, own, pattern, at, count).keep);
    } else {
      mask::bitmask keep(height, cols);
      const auto choose_scored = [&](std::span<const float> values) {
        choose_by_score(exec, "by_error", layer, weight, score, values, pattern, at, keep,
                        [](const auto&) {});
      };
      if constexpr (needs_statistic<Score>) {
        const auto& values = column_values(own);
        check_statistics(values, cols, "by_error", layer);
        choose_scored(values);
      } else {
        choose_scored({});
      }
      return error_of(keep);
    }
  }

  // The part of the statistic that the score reads.
  static const auto& own_part(const needs& seen) {
    using own = detail::needed_statistic_of<Score>;
    if constexpr (std::is_void_v<own> || std::is_same_v<needs, own>)
      return seen;
    else
      return detail::part_of<typename detail::unweighted<own>::type>(seen);
  }

  struct nothing {};  // what is left of a layer of which everything is dropped

  // Returns a function whose results read W - P of the chosen rows.
  template <class Source, class Left>
  static auto reads_difference(const Source& weight, const Left& left,
                               const std::vector<std::size_t>& chosen) {
    return [&] {
      return [&, read = detail::row_reader<Source>(weight)](std::size_t k, double* to) mutable {
        const std::size_t i = chosen[k];
        const auto row = read(i);
        for (std::size_t j = 0; j < row.size(); ++j) {
          const auto number = static_cast<double>(row[j]);
          if constexpr (std::is_same_v<Left, nothing>)
            to[j] = number;
          else if constexpr (std::is_same_v<Left, mask::bitmask>)
            to[j] = left(i, j) ? 0.0 : number;
          else
            to[j] = number - left(i, j);
        }
      };
    };
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
