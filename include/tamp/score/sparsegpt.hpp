#pragma once

/// @file
/// The SparseGPT score, which updates the weights that stay to compensate for the dropped ones.
/// Needs Eigen, and is therefore not part of tamp.hpp.

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "../detail/drop_count.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../mask/detail/bits.hpp"
#include "../pattern/detail/any_scored_rows.hpp"
#include "../pattern/detail/pattern_forms.hpp"
#include "../role.hpp"
#include "../stat/gram.hpp"
#include "detail/column_repair.hpp"
#include "detail/inverse_factor.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// Drops weights column by column and updates the columns to their right to compensate for the
/// error.
///
/// Use it when quality matters more than a few minutes. It is the one score of tamp that changes
/// the weights that stay. With H = (2 / count) * X^T X + damping * mean(diagonal) * I from
/// stat::gram, and U the upper triangular factor of H^-1 = U^T U:
///
///     score(i, j)      = w(i, j)^2 / U(j, j)^2
///     for j = 1, 2 ..: error(i) = w(i, j) / U(j, j) where w(i, j) is dropped, else 0
///                      w(i, k) -= error(i) * U(j, k) for all k >= j; w(i, j) = 0 where dropped
///
/// The mask is decided for blocks of `blocksize` columns, from the weights as repaired so far:
/// - pattern::per_tensor drops floor(rows * width * sparsity) of each block, as published. If the
///   plan gives a number of weights, each block drops its share of that number by width.
/// - pattern::per_row drops floor(cols * sparsity) of each row in all.
/// - pattern::n_of_m and pattern::mixed_n_of_m decide a group when its first column is reached. m must
///   divide `blocksize`. A last partial group is treated as in pattern::n_of_m.
///
/// Counts are exact (the published code drops one weight too many in every block).
///
/// The weights of an input that was always zero become zero. If H cannot be factored, damping is
/// raised tenfold until it can, and the report says so. The arithmetic is in double, in an order
/// that does not depend on the executor. Memory: three (cols, cols) matrices and one of the
/// weight's shape, of doubles.
///
/// Source: Frantar & Alistarh 2023 (arXiv 2301.00774).
struct sparsegpt {
  using role = tamp::role::score;
  using needs = stat::gram;
  static constexpr bool repairs = true;

  std::size_t blocksize = 128;
  double damping = 0.01;

  static constexpr std::string_view label() { return "sparsegpt"; }

  /// Chooses and repairs weights, for prune and select. `weight` is only read. `count` is the
  /// number of weights to drop, if the plan decided on one; `sparsity` is then the corresponding
  /// fraction.
  /// @throws shape_error if the statistic covers another number of columns
  /// @throws value_error if a weight or a statistic is not finite, the statistic has seen nothing,
  ///         a parameter cannot be used, H cannot be factored at any damping up to 100 times its
  ///         mean diagonal, or the repaired weights leave the range of double
  template <executor E, class Source, class Pattern>
  repaired_layer repair(const E& exec, std::string_view operation, std::string_view layer,
                        const Source& weight, const stat::gram& gram, const Pattern& pattern,
                        double sparsity, std::optional<std::size_t> count = {}) const {
    const auto cols = static_cast<std::size_t>(weight.cols());
    check_input<Pattern>(operation, layer, cols, gram, sparsity);
    repaired_layer result = detail::repairable(exec, operation, layer, weight);
    if (result.keep.size() == 0) return result;
    const matrix U = detail::inverse_factor(exec, operation, layer, gram, damping, result);
    for (std::size_t begin = 0, width = 0; begin < cols; begin += width) {
      width = (std::min)(blocksize, cols - begin);
      detail::check_squares(operation, layer,
                            result.repaired.middleCols(index(begin), index(width)));
      repair_block(exec, operation, layer, U, begin, begin + width, pattern, sparsity, count,
                   result);
    }
    detail::check_squares(operation, layer, result.repaired);
    return result;
  }

  friend bool operator==(const sparsegpt&, const sparsegpt&) = default;

 private:
  using matrix = detail::double_matrix;
  static Eigen::Index index(std::size_t n) noexcept { return static_cast<Eigen::Index>(n); }

  template <class Pattern>
  static constexpr bool is_grouped = requires { Pattern::group; };

  template <class Pattern>
  void check_input(std::string_view operation, std::string_view layer, std::size_t cols,
                   const stat::gram& gram, double sparsity) const {
    using detail::raise;
    detail::check_sparsity(sparsity);
    detail::check_repair("sparsegpt", operation, layer, cols, gram, blocksize, damping);
    if constexpr (is_grouped<Pattern>) {
      static_assert(0 < Pattern::group && Pattern::group <= mask::word_bits,
                    "sparsegpt: a pattern's group has 1 to 64 columns");
      if (blocksize % Pattern::group != 0)
        raise<value_error>("sparsegpt: groups of ", Pattern::group,
                           " weights do not fill up a block of ", blocksize, " columns");
    }
  }

  // The scores of a block's weights, in the form that a tensor-wide pattern reads.
  struct block_scores {
    const matrix& scores;

    std::size_t rows() const { return static_cast<std::size_t>(scores.rows()); }
    std::size_t cols() const { return static_cast<std::size_t>(scores.cols()); }

    template <executor E, class Body>
    void for_each_range(const E& exec, const Body& body) const {
      const auto read = [&](std::size_t i) {
        const std::span<const double> row(scores.row(index(i)).data(), cols());
        return detail::scored_row<double>{row, std::accumulate(row.begin(), row.end(), 0.0)};
      };
      detail::for_each_range(exec, rows(), [&](auto begin, auto end) { body(read, begin, end); });
    }
  };

  // Returns the mask of the block, for patterns that decide before anything is repaired.
  template <executor E, class Pattern>
  mask::bitmask choose_block(const E& exec, std::string_view operation, std::string_view layer,
                             const matrix& U, std::size_t begin, std::size_t end,
                             const Pattern& pattern, double sparsity,
                             std::optional<std::size_t> count, const matrix& weights) const {
    const std::size_t rows = static_cast<std::size_t>(weights.rows()), width = end - begin;
    const auto block = weights.middleCols(index(begin), index(width)).array();
    const auto pivots = U.diagonal().segment(index(begin), index(width)).transpose().array();
    const matrix scores = block.square().rowwise() / pivots.square();
    mask::bitmask keep(rows, width);
    if constexpr (detail::row_pattern<Pattern, double>) {
      const std::size_t drop =
          detail::drop_count(end, sparsity) - detail::drop_count(begin, sparsity);
      sparsity = detail::sparsity_that_drops(drop, width);
    } else if (count) {
      const std::size_t size = rows * static_cast<std::size_t>(weights.cols());
      const std::size_t drop = detail::proportion(*count, rows * end, size) -
                               detail::proportion(*count, rows * begin, size);
      sparsity = detail::sparsity_that_drops(drop, rows * width, rows);
    }
    const block_scores scored{scores};
    detail::choose(detail::any_executor(exec), pattern, detail::any_scored_rows<double>(scored),
                   sparsity, keep, operation, layer);
    return keep;
  }

  // Decides and repairs columns [begin, end), and then updates all later columns.
  template <executor E, class Pattern>
  void repair_block(const E& exec, std::string_view operation, std::string_view layer,
                    const matrix& U, std::size_t begin, std::size_t end, const Pattern& pattern,
                    double sparsity, std::optional<std::size_t> count,
                    repaired_layer& result) const {
    mask::bitmask chosen(result.keep.rows(), end - begin);
    if constexpr (!is_grouped<Pattern>)
      chosen = choose_block(exec, operation, layer, U, begin, end, pattern, sparsity, count,
                            result.repaired);
    detail::repair_columns(
        exec, U, begin, end,
        [&](std::size_t i, std::size_t j, const double* weights) {
          if constexpr (is_grouped<Pattern>)
            if (j % Pattern::group == 0)
              choose_group<Pattern>(U, weights, j, (std::min)(j + Pattern::group, end), begin, i,
                                    sparsity, chosen);
          return chosen(i, j - begin);
        },
        result);
  }

  template <class Pattern>
  static void choose_group(const matrix& U, const double* weights, std::size_t begin,
                           std::size_t end, std::size_t block, std::size_t i, double sparsity,
                           mask::bitmask& chosen) {
    double scores[Pattern::group];
    for (std::size_t j = begin; j < end; ++j) {
      const double pivot = U(index(j), index(j));
      scores[j - begin] = weights[j] * weights[j] / (pivot * pivot);
    }
    mask::word keep[2] = {};  // one is used: GCC 12 does not see that no group reaches a second
    typename Pattern::template row_selector<double> select(end - begin, sparsity);
    select(std::span<const double>(scores, end - begin), keep);
    for (std::size_t j = begin; j < end; ++j) chosen.set(i, j - block, keep[0] >> (j - begin) & 1u);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::score
