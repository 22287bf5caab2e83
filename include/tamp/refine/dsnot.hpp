#pragma once

/// @file
/// Swaps of kept for dropped weights that cancel the expected error of a layer's output.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../detail/special_numbers.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/place.hpp"
#include "../execute/standard.hpp"
#include "../mask/bitmask.hpp"
#include "../role.hpp"
#include "../simd/swap_costs.hpp"
#include "../stat/sequence_moments.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/refined_layer.hpp"
#include "detail/residual_rows.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// Swaps kept for dropped weights of a row so that the row's expected output error approaches zero:
/// dynamic sparse no training.
///
/// Use it to compare with published results, or where the memory for a Gram matrix is missing: it
/// reads two numbers for each column. refine::swaps lowers the error itself, and by more.
///
/// Row by row, with s(j) and v(j) the sum and the variance of stat::sequence_moments, D(j) = w(j)
/// s(j) and e the sum of D over the dropped weights, while |e| > threshold, and `cycles` times at
/// most:
///
///     e > 0: restores the dropped r of largest  D(r) / v(r)^power, and drops the kept q of lowest
///            score among those with D(q) < 0
///     e < 0: restores the dropped r of smallest D(r) / v(r)^power, and drops the kept q of lowest
///            score among those with D(q) > 0
///     e += D(q) - D(r)
///
/// `same_sign` stops before a swap that would turn the first e's sign. Candidates are those of the
/// given mask, so that nothing is swapped twice. A row also stops when no q is left, or no r with D
/// of e's sign. Counts never change. The scores are those that made the mask.
///
/// Ties: of kept weights, the lower column is dropped first. Dropped weights are ordered by D /
/// v^power, equal ones by column, and taken from the end if e > 0, else from the beginning. D = 0
/// has the quotient 0. Weights may go anywhere in their row: n:m patterns are refused by the
/// compiler.
///
/// Cost: a sort of each row. Memory: five rows for each thread. The arithmetic is in double.
///
/// Source: Zhang et al. 2024, DSnoT (arXiv 2310.08915; zyxxmu/DSnoT, unstructured). There a row
/// goes on without candidates and loses count: its list of weights to restore also holds every kept
/// weight, and its list of weights to drop repeats the first one for each D = 0.
/// @see refine::swaps
struct dsnot {
  using role = tamp::role::refine;
  using needs = stat::sequence_moments;
  static constexpr bool exchanges_in_groups = false;

  std::size_t cycles = 50;
  double threshold = 0.1;
  double power = 1.0;
  bool same_sign = false;

  std::string label() const { return tamp::detail::sentence("dsnot ", cycles); }

  /// Refines the mask of one weight: dsnot{}(where, W, mask, moments, scores). `scores` has the
  /// shape of W, any tensor of float or double.
  /// @throws shape_error if the weight, the mask, the moments and the scores do not fit each other
  /// @throws value_error if a weight or a score is not finite, the statistic has seen nothing, or a
  ///         parameter is negative or not finite
  template <executor E, class Weight, class Scores>
  mask::bitmask operator()(const E& exec, const Weight& weight, const mask::bitmask& keep,
                           const stat::sequence_moments& moments, const Scores& scores) const {
    static_assert(
        tensor_argument<Weight> && tensor_argument<Scores>,
        "dsnot(W, mask, moments, scores): W and the scores are tensors that tamp can read "
        "(see tamp::tensor_traits)");
    const tamp::detail::ieee_arithmetic as_usual;
    const tamp::detail::any_executor on(exec);
    return tamp::detail::with_memory("dsnot", [&] {
      return tamp::detail::with_source(weight, [&](const auto& source) {
        return tamp::detail::with_source(scores, [&](const auto& scored) {
          tamp::detail::check_mask_covers("dsnot", {}, source, keep);
          tamp::detail::check_mask_covers("dsnot", "the scores", scored, keep);
          tamp::detail::check_finite(on, source, "dsnot", {});
          tamp::detail::check_finite(on, scored, "dsnot", "the scores");
          mask::bitmask refined = keep;
          const auto for_ranges = [&](const auto& body) {
            tamp::detail::for_each_range(on, keep.rows(), keep.cols(), [&](auto begin, auto end) {
              body(tamp::detail::row_reader(scored), begin, end);
            });
          };
          swap_rows("dsnot", {}, source, moments, for_ranges, refined);
          return refined;
        });
      });
    });
  }
  template <class Weight, class Scores>
    requires(!place<Weight>)
  mask::bitmask operator()(const Weight& weight, const mask::bitmask& keep,
                           const stat::sequence_moments& moments, const Scores& scores) const {
    return (*this)(execute::standard{}, weight, keep, moments, scores);
  }

  /// Refines a mask of finite weights in a recipe. Nothing is changed if it throws.
  template <executor E, class Source, class Scores>
  void refine(const E& exec, const tamp::detail::refined_layer& layer, const Source& weight,
              const stat::sequence_moments& moments, const Scores& scores,
              mask::bitmask& keep) const {
    constexpr bool has_scores = !std::is_same_v<Scores, tamp::detail::no_scores>;
    static_assert(has_scores,
                  "dsnot drops the weights of lowest score, and this score repairs weights and has "
                  "no scores to show: use refine::swaps");
    if constexpr (has_scores) {
      mask::bitmask refined = keep;
      swap_rows(
          layer.operation, layer.layer, weight, moments,
          [&](const auto& body) { scores.for_each_range(exec, body); }, refined);
      std::swap(keep, refined);
    }
  }

  friend bool operator==(const dsnot&, const dsnot&) = default;

 private:
  template <class Source, class ForRanges>
  void swap_rows(std::string_view operation, std::string_view layer, const Source& weight,
                 const stat::sequence_moments& moments, const ForRanges& for_ranges,
                 mask::bitmask& keep) const {
    using tamp::detail::is_nonnegative, tamp::detail::of_layer, tamp::detail::raise;
    if (!is_nonnegative(threshold) || !is_nonnegative(power))
      raise<value_error>("dsnot: the threshold is ", threshold, ", the power ", power);
    if (moments.tokens() == 0)
      raise<value_error>(operation, ": the statistics", of_layer(layer),
                         " have seen no activations");
    if (moments.features() != keep.cols())
      raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", keep.cols(),
                         " columns, the statistics cover ", moments.features());
    if (keep.size() == 0) return;
    const std::vector<double> sums = moments.sums();
    std::vector<double> spreads = moments.variances();
    if (power != 1)
      for (double& spread : spreads) spread = std::pow(spread, power);
    for_ranges([&](auto&& read_scores, std::size_t begin, std::size_t end) {
      tamp::detail::row_reader<Source> read(weight);
      row_of_swaps row(keep.cols());
      for (std::size_t i = begin; i < end; ++i)
        row.swap(*this, read(i), sums, spreads, read_scores(i), keep.row(i));
    });
  }

  // The lists of one row. Vectors keep their memory from row to row.
  struct row_of_swaps {
    std::vector<double> changes, keys;
    std::vector<std::size_t> dropped, kept;

    explicit row_of_swaps(std::size_t cols) : changes(cols), keys(cols) {}

    template <class Weights, class Scores>
    void swap(const dsnot& policy, const Weights& weights, const std::vector<double>& sums,
              const std::vector<double>& spreads, const Scores& scores,
              std::span<mask::word> keep) {
      const auto is_kept = [&](std::size_t j) {
        return (keep[j / mask::word_bits] >> (j % mask::word_bits) & 1u) != 0;
      };
      dropped.clear();
      kept.clear();
      double error = 0;
      for (std::size_t j = 0; j < changes.size(); ++j) {
        changes[j] = tamp::detail::rounded_product(static_cast<double>(weights[j]), sums[j]);
        keys[j] = changes[j] == 0 ? 0.0 : quotient(changes[j], spreads[j]);
        (is_kept(j) ? kept : dropped).push_back(j);
        if (!is_kept(j)) error += changes[j];
      }
      std::sort(dropped.begin(), dropped.end(), [&](std::size_t a, std::size_t b) {
        return keys[a] < keys[b] || (keys[a] == keys[b] && a < b);
      });
      std::sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) {
        return scores[a] < scores[b] || (scores[a] == scores[b] && a < b);
      });
      const double first = error;
      std::size_t from_begin = 0, from_end = dropped.size();  // of dropped weights, still there
      std::size_t negative = 0, positive = 0;                 // the next kept weights to look at
      for (std::size_t made = 0; made < policy.cycles && std::abs(error) > policy.threshold;
           ++made) {
        const bool is_above = error > 0;
        const double sign = is_above ? 1.0 : -1.0;
        std::size_t& next = is_above ? negative : positive;
        while (next < kept.size() && !(sign * changes[kept[next]] < 0)) ++next;
        if (next == kept.size() || from_begin == from_end) return;
        const std::size_t q = kept[next], r = dropped[is_above ? from_end - 1 : from_begin];
        if (!(sign * changes[r] > 0)) return;
        const double then = error + changes[q] - changes[r];
        if (policy.same_sign && !has_sign_of(then, first)) return;
        ++next;
        if (is_above)
          --from_end;
        else
          ++from_begin;
        for (const std::size_t j : {q, r})
          keep[j / mask::word_bits] ^= mask::word{1} << (j % mask::word_bits);
        error += changes[q] - changes[r];
      }
    }

    // A number divided by a spread of 0 is larger than all others.
    static double quotient(double change, double spread) noexcept {
      if (spread != 0) return change / spread;
      return change > 0 ? tamp::detail::infinity<double> : -tamp::detail::infinity<double>;
    }
    static bool has_sign_of(double a, double b) noexcept {
      return (a > 0) == (b > 0) && (a < 0) == (b < 0);
    }
  };
};

}  // namespace tamp::inline TAMP_FLAGS::refine
