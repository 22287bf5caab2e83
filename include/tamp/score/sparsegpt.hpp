#pragma once

/// @file
/// Choose and repair: what is dropped is made up for by what stays. Needs Eigen, and is therefore
/// not part of tamp.hpp.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/bits.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/finite.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../role.hpp"
#include "../stat/gram.hpp"
#include "../tensor/rows.hpp"

namespace tamp::score {

/// A layer's weights after some were dropped and the others repaired.
class repaired_layer {
 public:
  using matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  mask::bitmask keep;
  matrix repaired;
  std::string note;  ///< what was out of the ordinary, in a sentence; or empty

  matrix_view<const double> weights() const noexcept {
    return {repaired.data(), static_cast<std::size_t>(repaired.rows()),
            static_cast<std::size_t>(repaired.cols())};
  }
};

/// Drops weights column by column and lets the columns to their right make up for the error.
///
/// Reach for it when quality matters more than a few minutes: it is the one score here that changes
/// the weights that stay. With H = (2 / count) * X^T X + damping * mean(diagonal) * I from
/// stat::gram, and U the upper triangular factor of H^-1 = U^T U:
///
///     score(i, j)      = w(i, j)^2 / U(j, j)^2
///     for j = 1, 2 ..: error(i) = w(i, j) / U(j, j) where w(i, j) is dropped, else 0
///                      w(i, k) -= error(i) * U(j, k) for all k >= j; w(i, j) = 0 where dropped
///
/// What is dropped is decided for `blocksize` columns at a time, from the weights as repaired so
/// far: with pattern::per_tensor, floor(rows * width * sparsity) of each block, as published; with
/// pattern::per_row, each row loses what makes floor(cols * sparsity) in all; n of m are decided
/// when their first column comes, and m must divide blocksize. Counts are exact (the published code
/// drops one weight too many in every block).
///
/// An input that was always zero has its weights set to zero. If H cannot be factored, damping is
/// raised tenfold until it can, and the report says so. Everything is in double, and in an order
/// that does not depend on the executor. Memory: three (cols, cols) matrices and two of the
/// weight's shape.
///
/// Source: Frantar & Alistarh 2023 (arXiv 2301.00774).
struct sparsegpt {
  using role = tamp::role::score;
  using needs = stat::gram;
  static constexpr bool repairs = true;

  std::size_t blocksize = 128;
  double damping = 0.01;

  static constexpr std::string_view label() { return "sparsegpt"; }

  /// What prune and select call. `weight` is only read.
  /// @throws shape_error if the statistic covers another number of columns
  /// @throws value_error if a weight is not finite, the statistic has seen nothing, a parameter
  /// cannot
  ///         be used, or H cannot be factored at any damping up to 100 times its mean diagonal
  template <executor E, class Source, class Pattern>
  repaired_layer repair(const E& exec, std::string_view operation, std::string_view layer,
                        const Source& weight, const stat::gram& gram, const Pattern& pattern,
                        double sparsity) const {
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    check_input<Pattern>(operation, layer, cols, gram, sparsity);
    detail::check_finite(exec, weight, operation, layer);
    repaired_layer result{mask::bitmask(rows, cols), matrix(index(rows), index(cols)), {}};
    detail::row_reader read(weight);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = read(i);
      for (std::size_t j = 0; j < cols; ++j)
        result.repaired(index(i), index(j)) = static_cast<double>(row[j]);
    }
    if (rows == 0 || cols == 0) return result;
    const matrix U = inverse_factor(operation, layer, gram, result);
    for (std::size_t begin = 0; begin < cols; begin += blocksize)
      repair_block(exec, U, begin, (std::min)(begin + blocksize, cols), pattern, sparsity, result);
    return result;
  }

  friend bool operator==(const sparsegpt&, const sparsegpt&) = default;

 private:
  using matrix = repaired_layer::matrix;
  static Eigen::Index index(std::size_t n) noexcept { return static_cast<Eigen::Index>(n); }

  template <class Pattern>
  static constexpr bool is_grouped = requires { Pattern::group; };

  template <class Pattern>
  void check_input(std::string_view operation, std::string_view layer, std::size_t cols,
                   const stat::gram& gram, double sparsity) const {
    using detail::of_layer, detail::raise;
    detail::check_sparsity(sparsity);
    if (blocksize == 0 || !(damping >= 0 && std::isfinite(damping)))
      raise<value_error>("sparsegpt: blocksize is ", blocksize, ", damping ", damping);
    if constexpr (is_grouped<Pattern>)
      if (blocksize % Pattern::group != 0)
        raise<value_error>("sparsegpt: groups of ", Pattern::group,
                           " weights do not fill up a block of ", blocksize, " columns");
    if (gram.tokens() == 0)
      raise<value_error>(operation, ": the statistics", of_layer(layer),
                         " have seen no activations");
    if (gram.features() != cols)
      raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", cols,
                         " columns, the statistics cover ", gram.features());
  }

  // U with H^-1 = U^T U, without inverting H: if H = R R^T with R upper triangular, U is R's
  // inverse. R comes from the common factorisation L L^T of H with its rows and columns in reverse
  // order.
  matrix inverse_factor(std::string_view operation, std::string_view layer, const stat::gram& gram,
                        repaired_layer& result) const {
    const Eigen::Index n = index(gram.features());
    const auto sums = gram.matrix();
    const double scale = 2.0 / static_cast<double>(gram.count());
    matrix reversed(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < n; ++j)
        reversed(n - 1 - i, n - 1 - j) =
            scale * sums(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    for (Eigen::Index j = 0; j < n; ++j)
      if (double& square = reversed(n - 1 - j, n - 1 - j); square == 0) {
        square = 1;
        result.repaired.col(j).setZero();
      }
    double mean = 0;
    for (Eigen::Index j = 0; j < n; ++j) mean += reversed(j, j) / static_cast<double>(n);
    for (double damp = damping; damp <= 100; damp = damp == 0 ? 1e-6 : 10 * damp) {
      matrix damped = reversed;
      damped.diagonal().array() += damp * mean;
      const Eigen::LLT<Eigen::Ref<matrix>> factor(damped);  // in place; info 0 is success, whose
                                                            // name is a macro of X11's
      if (factor.info() != Eigen::ComputationInfo{} || !damped.diagonal().allFinite()) continue;
      matrix inverse = matrix::Identity(n, n);
      factor.matrixL().solveInPlace(inverse);
      matrix U = inverse.reverse();
      if (!U.allFinite()) continue;
      if (damp != damping)
        result.note = detail::sentence("damping raised from ", damping, " to ", damp);
      return U;
    }
    detail::raise<value_error>(operation, ": the Hessian", detail::of_layer(layer),
                               " cannot be factored, not even with 100 times its mean diagonal (",
                               mean, ") added");
  }

  // Scores of a block's weights, as a pattern that looks at a whole tensor wants them.
  struct block_scores {
    using score_type = double;
    const matrix& scores;

    template <executor E, class Body>
    void for_each_range(const E& exec, const Body& body) const {
      const auto cols = static_cast<std::size_t>(scores.cols());
      exec.for_each_range(static_cast<std::size_t>(scores.rows()), [&](auto begin, auto end) {
        body([&](std::size_t i) { return std::span(scores.row(index(i)).data(), cols); }, begin,
             end);
      });
    }
  };

  // Which weights of the block stay, for patterns that can tell before anything is repaired.
  template <executor E, class Pattern>
  mask::bitmask choose(const E& exec, const matrix& U, std::size_t begin, std::size_t end,
                       const Pattern& pattern, double sparsity, const matrix& weights) const {
    const std::size_t rows = static_cast<std::size_t>(weights.rows()), width = end - begin;
    const auto block = weights.middleCols(index(begin), index(width)).array();
    const auto pivots = U.diagonal().segment(index(begin), index(width)).transpose().array();
    const matrix scores = block.square().rowwise() / pivots.square();
    mask::bitmask keep(rows, width);
    if constexpr (requires { typename Pattern::template row_selector<double>; }) {
      // Half a weight more than the count, so that rounding loses none of it.
      const std::size_t drop =
          detail::drop_count(end, sparsity) - detail::drop_count(begin, sparsity);
      const double share =
          (std::min)((static_cast<double>(drop) + 0.5) / static_cast<double>(width), 1.0);
      block_scores{scores}.for_each_range(exec, [&](auto&& read, auto first, auto last) {
        typename Pattern::template row_selector<double> select_row(width, drop == 0 ? 0.0 : share);
        for (std::size_t i = first; i < last; ++i) select_row(read(i), keep.row(i));
      });
    } else {
      pattern.select_tensor(exec, block_scores{scores}, sparsity, keep);
    }
    return keep;
  }

  // Decides and repairs columns [begin, end), row by row, and then lets all later columns make up
  // for it. Slices of rows are the same for any executor, so that Eigen's sums are, too.
  template <executor E, class Pattern>
  void repair_block(const E& exec, const matrix& U, std::size_t begin, std::size_t end,
                    const Pattern& pattern, double sparsity, repaired_layer& result) const {
    constexpr std::size_t slice = 64;
    const std::size_t rows = result.keep.rows(), cols = result.keep.cols(), width = end - begin;
    mask::bitmask chosen(rows, width);
    if constexpr (!is_grouped<Pattern>)
      chosen = choose(exec, U, begin, end, pattern, sparsity, result.repaired);
    exec.for_each_range((rows + slice - 1) / slice, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) {
        const std::size_t top = s * slice, height = (std::min)(slice, rows - top);
        matrix errors(index(height), index(width));
        for (std::size_t i = 0; i < height; ++i)
          repair_row<Pattern>(U, begin, end, chosen, top + i, errors.row(index(i)).data(), result);
        if (end == cols) continue;
        result.repaired.block(index(top), index(end), index(height), index(cols - end)).noalias() -=
            errors * U.block(index(begin), index(end), index(width), index(cols - end));
      }
    });
  }

  template <class Pattern>
  static void repair_row(const matrix& U, std::size_t begin, std::size_t end, mask::bitmask& chosen,
                         std::size_t i, double* errors, repaired_layer& result) {
    double* const weights = result.repaired.row(index(i)).data();
    for (std::size_t j = begin; j < end; ++j) {
      if constexpr (is_grouped<Pattern>)
        if (j % Pattern::group == 0)
          choose_group<Pattern>(U, weights, j, (std::min)(j + Pattern::group, end), begin, i,
                                chosen);
      const bool stays = chosen(i, j - begin);
      const double* const row = U.row(index(j)).data();
      const double error = stays ? 0.0 : weights[j] / row[j];
      errors[j - begin] = error;
      if (stays) continue;
      for (std::size_t k = j; k < end; ++k) weights[k] -= error * row[k];
      weights[j] = 0.0;
      result.keep.set(i, j, false);
    }
  }

  template <class Pattern>
  static void choose_group(const matrix& U, const double* weights, std::size_t begin,
                           std::size_t end, std::size_t block, std::size_t i,
                           mask::bitmask& chosen) {
    double scores[Pattern::group];
    for (std::size_t j = begin; j < end; ++j) {
      const double pivot = U(index(j), index(j));
      scores[j - begin] = weights[j] * weights[j] / (pivot * pivot);
    }
    mask::word keep[1] = {};
    typename Pattern::template row_selector<double> select(end - begin, 0.0);
    select(std::span<const double>(scores, end - begin), keep);
    for (std::size_t j = begin; j < end; ++j) chosen.set(i, j - block, keep[0] >> (j - begin) & 1u);
  }
};

}  // namespace tamp::score
