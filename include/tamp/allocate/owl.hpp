#pragma once

/// @file
/// Outlier weighed layerwise sparsity: blocks with more outliers keep more.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/sequential.hpp"
#include "../role.hpp"
#include "../score/detail/score_forms.hpp"
#include "../score/wanda.hpp"
#include "../simd/row_sums.hpp"
#include "../simd/selection.hpp"
#include "allocation.hpp"
#include "detail/measured_units.hpp"
#include "detail/on_target.hpp"
#include "detail/scored_layers.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Outlier weighed layerwise sparsity: a block keeps more weights if more of its scores are
/// outliers.
///
/// Use it above 50 %, where a uniform sparsity breaks the few blocks that carry the outliers of a
/// large language model. It makes one pass over the weights, and one over a few of their rows.
///
///     ratio(u)   = 100 * |{ score > M * mean of the scores of u }| / |u|     over all layers of u
///     density(u) = 1 - sparsity + 2 lambda * (scaled(u) - mean of scaled),
///     scaled(u)  = (ratio(u) - min) / (max - min)
///
/// The mean is over weights. Densities outside [0, 1] are clipped and the others shifted so that
/// the mean stays on target. Equal ratios give every unit the same density. A layer that saw no
/// token does not count in its unit's ratio, and a unit without scores gets the mean ratio of the
/// others. Notes report both cases. `Score` may be any elementwise or row-wise score. Sums are in
/// double, row by row in order, so that the result does not depend on the executor. Memory: a row's
/// scores, one double for each row, and the scores within a tenth of the threshold.
///
/// Source: Yin et al. 2024 (arXiv 2310.05175). Published settings: M of 3 to 10, lambda 0.08.
template <class Score = score::wanda>
struct owl {
  using role = tamp::role::allocate;
  using needs = detail::needed_statistic_of<Score>;  // void if the score needs none
  static constexpr granularity unit = granularity::block;

  double sparsity = 0.5;
  double M = 5;          ///< a score above M times the mean is an outlier
  double lambda = 0.08;  ///< half the width of the interval of densities
  Score score{};

  std::string label() const {
    // Copies, because GCC 12 warns that a score without members is uninitialised.
    return detail::sentence("owl ", sparsity, ' ', M, ' ', lambda, ' ', tamp::label(Score(score)));
  }

  auto statistic() const
    requires requires(const Score& s) { s.statistic(); }
  {
    return score.statistic();
  }

  /// Returns one sparsity for each unit, from the percentage of outliers among each unit's scores.
  /// @throws value_error if a parameter is out of range or a ratio is negative or not finite
  /// @throws shape_error unless there are as many ratios as sizes
  allocation distribute(std::span<const double> ratios, std::span<const std::size_t> num_params,
                        std::span<const std::string> names = {}) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    return detail::spread_density("owl", "outlier ratio", ratios, num_params, 2 * lambda, sparsity,
                                  names);
  }

  /// Measures the units and distributes the sparsity.
  /// @throws value_error if a weight, a statistic or a score cannot be used, naming it, or if no
  ///         unit saw any token
  /// @throws shape_error if a layer's statistics cover another number of columns
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters();
    return detail::allocation_by(
        "owl", "outlier ratio", units, detail::needs_statistic<Score>,
        [&](std::size_t u, double& ratio, std::vector<std::string>& notes) {
          return outlier_ratio(exec, units, u, units.name(u), ratio, notes);
        },
        [&](auto values, auto num_params, auto names) {
          return distribute(values, num_params, names);
        });
  }

  /// Checks the sparsity, M and lambda.
  /// @throws value_error if a parameter is out of range
  void check_parameters() const {
    detail::check_sparsity(sparsity);
    if (!detail::is_nonnegative(M))
      detail::raise<value_error>("owl: M is a finite number of at least 0, not ", M);
    if (!detail::is_fraction(lambda))
      detail::raise<value_error>("owl: lambda lies in [0, 1], and is ", lambda);
  }

  friend bool operator==(const owl&, const owl&) = default;

 private:
  // The result of one pass over a unit, given a range in which the threshold may lie.
  struct outliers {
    std::size_t size = 0, above = 0;  // scores above the range
    double sum = 0;
    double from = 0, to = 0;       // the range
    std::vector<double> in_doubt;  // scores within the range
  };

  /// Computes the outlier ratio of a unit. Returns false if the unit has no score.
  ///
  /// The threshold is a multiple of the mean, which is known only at the end of the pass. A sample
  /// of rows gives an estimate beforehand. Scores near the estimate are stored and compared at the
  /// end. If the estimate was wrong, the unit is read once more.
  template <executor E, class Units>
  bool outlier_ratio(const E& exec, const Units& units, std::size_t unit, std::string_view name,
                     double& ratio, std::vector<std::string>& notes) const {
    outliers sampled, found;
    look_at(execute::sequential{}, units, unit, 64, sampled, [](auto&&...) {});
    const double guess =
        sampled.size == 0 ? 0.0 : M * (sampled.sum / static_cast<double>(sampled.size));
    found.from = 0.9 * guess;
    found.to = 1.1 * guess;
    look_at(exec, units, unit, 1, found, [&](std::string_view layer) {
      notes.push_back(detail::sentence("owl: ", layer, " saw no token, and has no part in ",
                                       "the outlier ratio of ", name));
    });
    if (found.size == 0) return false;
    if (!is_finite(found.sum))
      detail::raise<value_error>("owl: the scores of ", name, " are too large to be summed");
    const double threshold = M * (found.sum / static_cast<double>(found.size));
    if (!(found.from < threshold && threshold < found.to)) {
      found = {};
      found.from = found.to = threshold;
      look_at(exec, units, unit, 1, found, [](auto&&...) {});
    }
    for (const double score : found.in_doubt) found.above += score > threshold;
    ratio = 100.0 * static_cast<double>(found.above) / static_cast<double>(found.size);
    return true;
  }

  /// Reads every `step`-th row of a unit. Calls `on_unseen` for layers that saw no token.
  template <executor E, class Units, class OnUnseen>
  void look_at(const E& exec, const Units& units, std::size_t unit, std::size_t step,
               outliers& found, const OnUnseen& on_unseen) const {
    detail::for_each_scored_layer(exec, "owl", units, unit, score, on_unseen,
                                  [&](std::string_view layer, const auto& scored) {
                                    look_at_rows(exec, scored, step, found);
                                    if (step == 1) scored.raise_if_broken("owl", layer, score);
                                  });
  }

  template <executor E, class ScoredRows>
  static void look_at_rows(const E& exec, const ScoredRows& scored, std::size_t step,
                           outliers& found) {
    using number = typename ScoredRows::score_type;
    const std::size_t cols = scored.cols();
    if (cols == 0) return;
    // Added up in the order of the rows, for any number of threads.
    auto sums = detail::checked_array<double>("owl", scored.rows());
    std::mutex joining;
    scored.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
      outliers here;
      std::vector<number> within(detail::cut_scratch(cols));
      detail::with_selection([&](auto loops) {
        for (std::size_t i = (begin + step - 1) / step * step; i < end; i += step) {
          const auto& scores = read_scores(i);
          std::size_t below = 0;
          const std::size_t count =
              loops.gather_within(scores.data(), cols, static_cast<number>(found.from),
                                  static_cast<number>(found.to), within.data(), below, scores.next);
          sums[i] = detail::with_row_sums(
              [&](auto adding) { return adding.sum_in_double(scores.data(), cols); });
          here.size += cols;
          here.above += cols - below - count;
          here.in_doubt.insert(here.in_doubt.end(), within.begin(),
                               within.begin() + static_cast<std::ptrdiff_t>(count));
        }
      });
      const std::lock_guard lock(joining);
      found.size += here.size;
      found.above += here.above;
      found.in_doubt.insert(found.in_doubt.end(), here.in_doubt.begin(), here.in_doubt.end());
    });
    for (const double sum : sums) found.sum += sum;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
