#pragma once

/// @file
/// Swaps of kept for dropped weights that lower the error of a layer's output.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/place.hpp"
#include "../execute/standard.hpp"
#include "../mask/bitmask.hpp"
#include "../pattern/per_row.hpp"
#include "../role.hpp"
#include "../stat/gram.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/exchange_group.hpp"
#include "detail/gram_matrix.hpp"
#include "detail/refined_layer.hpp"
#include "detail/residual_rows.hpp"
#include "detail/row_swaps.hpp"
#include "layer_error.hpp"
#include "refined_mask.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// Lowers the error of a layer's output by swapping kept for dropped weights, from any mask.
///
/// Use it when a mask should be better at the same count, and a Gram matrix is available.
/// Take the weights of tokens that matter (stat::reach, stat::amia_select) for the Gram matrix: over
/// all tokens, less error need not mean better answers.
///
/// Row by row, with w the weights, r those that are dropped, G = X^T X and c = r G, dropping the
/// kept u and restoring the dropped p changes the row's error r G r^T by exactly
///
///     d(u, p) = drop(u) + restore(p) - 2 w(u) w(p) G(u, p)
///     drop(u) = 2 w(u) c(u) + w(u)^2 G(u, u),  restore(p) = w(p)^2 G(p, p) - 2 w(p) c(p)
///
/// The pair of least d of all is swapped, until d >= -tolerance times the row's first error, or
/// `per_row` swaps were made. Of an n:m pattern, both are of one group of m columns. The error never
/// grows, and no count changes. A recipe's allocation and pattern decide the counts:
///
///     tamp::compose(score::wanda{}, pattern::per_row{}, allocate::uniform{0.6}, refine::swaps{25})
///
/// Ties: the lowest u, then the lowest p. A row with nothing kept, nothing dropped or no error stays
/// as it is. The arithmetic is in double, and neither executors, batches of rows nor sets of
/// instructions change a bit.
///
/// Cost: rows * cols^2 multiply-adds for the first c, and for each swap a few passes over the row
/// and its two rows of G. Of the pairs, about cols of them are computed (bench/refine.cpp). Memory:
/// one more matrix of the size of G, 1024 rows, and a dozen rows for each thread, in double.
///
/// Source: Zimmer et al. 2025, SparseSwaps (arXiv 2512.10922). Its code is not published; the
/// formula is derived from the error.
/// @see refine::repair, which changes the weights that stay
struct swaps {
  using role = tamp::role::refine;
  using needs = stat::gram;

  std::size_t per_row = 25;  ///< the most swaps of a row
  double tolerance = 1e-12;  ///< of a row's first error; keeps rounding errors from swapping

  std::string label() const { return tamp::detail::sentence("swaps ", per_row); }

  /// Refines the mask of one weight: swaps{25}(where, W, mask, gram, pattern).
  ///
  ///     const auto better = tamp::refine::swaps{25}(W, keep, gram);
  ///     // better.keep, better.error.before, better.error.after
  ///
  /// W is (out_features, in_features), any tensor, and is only read. `gram` is a stat::gram of its
  /// inputs, or the matrix in double. Without a pattern, weights of a row may take any other's
  /// place.
  /// @throws shape_error if the weight, the mask and the Gram matrix do not fit each other
  /// @throws value_error if a weight or a statistic is not finite, the statistic has seen nothing,
  ///         the matrix is no Gram matrix, the tolerance is negative, or an error is too large
  template <executor E, class Weight, class Gram, class Pattern = pattern::per_row>
  refined_mask operator()(const E& exec, const Weight& weight, const mask::bitmask& keep,
                          const Gram& gram, const Pattern& = {}) const {
    static_assert(tensor_argument<Weight>,
                  "swaps(W, mask, gram): W is no tensor that tamp can read (see "
                  "tamp::tensor_traits)");
    const tamp::detail::ieee_arithmetic as_usual;
    const tamp::detail::any_executor on(exec);
    return tamp::detail::with_memory("swaps", [&] {
      return tamp::detail::with_source(weight, [&](const auto& source) {
        tamp::detail::check_mask_covers("swaps", {}, source, keep);
        tamp::detail::check_finite(on, source, "swaps", {});
        refined_mask refined{keep, {}};
        constexpr std::size_t group = tamp::detail::exchange_group<Pattern>();
        refined.error = lower(on, "swaps", {}, source, gram, group, refined.keep);
        return refined;
      });
    });
  }
  template <class Weight, class Gram, class Pattern = pattern::per_row>
    requires(!place<Weight>)
  refined_mask operator()(const Weight& weight, const mask::bitmask& keep, const Gram& gram,
                          const Pattern& pattern = {}) const {
    return (*this)(execute::standard{}, weight, keep, gram, pattern);
  }

  /// Refines a mask of finite weights in a recipe, whose scores it does not read. Nothing is changed
  /// if it throws.
  template <executor E, class Source, class Gram, class Scores>
  layer_errors refine(const E& exec, const tamp::detail::refined_layer& layer, const Source& weight,
                      const Gram& gram, const Scores&, mask::bitmask& keep) const {
    return lower(exec, layer.operation, layer.layer, weight, gram, layer.group, keep);
  }

  friend bool operator==(const swaps&, const swaps&) = default;

 private:
  template <executor E, class Source, class Gram>
  layer_errors lower(const E& exec, std::string_view operation, std::string_view layer,
                     const Source& weight, const Gram& gram, std::size_t group,
                     mask::bitmask& keep) const {
    using namespace tamp::detail;
    if (!is_nonnegative(tolerance)) raise<value_error>("swaps: the tolerance is ", tolerance);
    const matrix_view<const double> matrix = gram_matrix(operation, layer, keep.cols(), gram);
    const gram_bounds bounds = bounds_of(exec, operation, layer, matrix);
    if (keep.size() == 0) return {};
    mask::bitmask refined = keep;
    struct of_row {
      double before = 0, after = 0;
      std::size_t swaps = 0;
    };
    std::vector<of_row> found = checked_array<of_row>(operation, keep.rows());
    first_row too_large;
    for_each_residual(exec, operation, keep.rows(), matrix, reads_dropped(weight, keep), [&] {
      return [&, swap = row_swaps(matrix, bounds, group), read = row_reader<Source>(weight),
              weights = std::vector<double>(keep.cols())](std::size_t i, double* residual,
                                                          double* products) mutable {
        const std::size_t cols = weights.size();
        const auto row = read(i);
        std::copy(row.begin(), row.end(), weights.begin());
        if (!swap.can_take(weights)) return too_large.note(i);
        const double error = dot_of_rows(residual, products, cols);
        const auto words = refined.row(i);
        const std::size_t made =
            swap(weights, std::span(products, cols), words, per_row, -tolerance * error);
        if (made != 0)
          for (std::size_t j = 0; j < cols; ++j)
            residual[j] =
                words[j / mask::word_bits] >> (j % mask::word_bits) & 1u ? 0.0 : weights[j];
        found[i] = {error, made == 0 ? error : dot_of_rows(residual, products, cols), made};
      };
    });
    if (too_large.any())
      raise<value_error>(operation, ": the weights in row ", too_large.row(), of_layer(layer),
                         " and the statistics are too large: their errors may leave the range of "
                         "double");
    layer_errors sum;
    for (const of_row& row : found) {
      sum.before += row.before;
      sum.after += row.after;
      sum.swaps += row.swaps;
    }
    std::swap(keep, refined);
    return {(std::max)(sum.before, 0.0), (std::max)(sum.after, 0.0), sum.swaps};
  }
};

}  // namespace tamp::inline TAMP_FLAGS::refine
