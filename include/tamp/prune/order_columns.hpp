#pragma once

/// @file
/// An order of a weight's columns in which an N:M pattern keeps more.

#include <cstddef>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../execute/operation.hpp"
#include "../tensor/detail/source.hpp"
#include "compose.hpp"
#include "detail/arguments.hpp"
#include "detail/column_scores.hpp"

namespace tamp::inline TAMP_FLAGS {

/// An order of columns: column order[k] comes to place k.
struct [[nodiscard]] column_order {
  std::vector<std::size_t> order;
  double before = 0;  ///< sum of the scores that the pattern keeps with the columns as they are
  double after = 0;   ///< the same in the order

  friend bool operator==(const column_order&, const column_order&) = default;
};

/// The type of tamp::order_columns.
struct order_columns_operation : detail::operation<order_columns_operation> {
  using detail::operation<order_columns_operation>::operator();

  template <executor E, class Weight, class Statistics, class Recipe>
  column_order operator()(const E& exec, const Weight& weight, const Statistics& statistics,
                          const Recipe& recipe) const {
    if constexpr (detail::check_weight_argument<Weight>() &&
                  detail::check_recipe_argument<Recipe>()) {
      if constexpr (detail::check_orders_columns<Recipe>())
        return detail::with_source(weight, [&](const auto& source) {
          return detail::with_memory("order_columns", [&] {
            return of_source(detail::any_executor(exec), source, statistics, recipe);
          });
        });
    }
    return {};
  }
  template <executor E, class Weight, class Recipe>
  column_order operator()(const E& exec, const Weight& weight, const Recipe& recipe) const {
    return (*this)(exec, weight, detail::no_statistics{}, recipe);
  }

 private:
  template <class Source, class Statistics, class Recipe>
  static column_order of_source(const detail::any_executor& exec, const Source& weight,
                                const Statistics& statistics, const Recipe& recipe) {
    const detail::ieee_arithmetic as_usual;
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const std::vector<float> scores =
        detail::scores_of(exec, "order_columns", weight, statistics, recipe);
    return detail::order_of_scores<column_order, typename Recipe::pattern_policy>(
        exec, "order_columns", {scores.data(), rows, cols});
  }
};

/// Returns an order of a weight's columns in which an N:M pattern keeps larger scores:
/// order_columns(where, W, statistics, recipe).
///
///     const auto recipe = tamp::compose(tamp::score::ria{}, tamp::pattern::n_of_m<2, 4>{});
///     const tamp::column_order found = tamp::order_columns(W, norms, recipe);
///
/// An N:M pattern must drop an important weight whose neighbours are important, too. The order deals
/// important columns out to different groups:
///
///     1. columns sorted by the sum of their scores are dealt out to the groups of M in turns of
///        alternating direction
///     2. for each of the M places: the columns at that place of all groups are assigned to the
///        groups anew, as the linear assignment problem whose gain is the sum of scores kept
///
/// `before` and `after` are the sums of scores kept. `after` is never smaller: columns stay as they
/// are if no better order is found. Columns past the last whole group keep their places. Ties: the
/// lower column, or the lower group, comes first.
///
/// The weight is only read. Reorder the columns of W and, so that the model computes the same, the
/// outputs of the layer in front of it in the same way: row order[k] of that layer comes to place
/// k (compute::gather_columns, compute::gather_rows). structure::order_units does so for units of
/// several weights, as neurons and the features of values are. A layer that reads the residual
/// stream shares its inputs with others and cannot be ordered alone.
///
/// Time: M (rows * (cols / M)^2 + (cols / M)^3). Memory: the scores three times as floats, and
/// (cols / M)^2 doubles.
/// @throws shape_error if W and the statistics have different numbers of columns, or memory cannot
///         hold the scores
/// @throws value_error as select does, or if a score is not finite
/// Source: channel permutation of Zhang et al. 2024, RIA (ICLR 2024), and its published code.
inline constexpr order_columns_operation order_columns{};

}  // namespace tamp::inline TAMP_FLAGS
