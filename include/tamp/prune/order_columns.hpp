#pragma once

/// @file
/// An order of a weight's columns in which an N:M pattern keeps more.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/special_numbers.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../pattern/detail/group_order.hpp"
#include "../score/detail/scored_rows.hpp"
#include "../tensor/detail/source.hpp"
#include "compose.hpp"
#include "detail/arguments.hpp"
#include "select.hpp"

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
      constexpr bool is_n_of_m = requires { Recipe::pattern_policy::kept; };
      static_assert(is_n_of_m,
                    "order_columns needs a recipe with the pattern n_of_m<N, M>: no "
                    "other depends on which columns are neighbours");
      static_assert(!detail::repairing_score<typename Recipe::score_policy>,
                    "order_columns compares scores of the weights as they are: give it a score "
                    "that repairs none");
      if constexpr (is_n_of_m && !detail::repairing_score<typename Recipe::score_policy>)
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
    using pattern = typename Recipe::pattern_policy;
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const std::vector<float> scores = scores_of(exec, weight, statistics, recipe);
    const detail::group_order groups("order_columns", {scores.data(), rows, cols}, pattern::kept,
                                     pattern::group);
    column_order answer{groups.identity()};
    answer.before = answer.after = groups.retained(answer.order);
    if (rows == 0 || cols / pattern::group < 2) return answer;
    std::vector<std::size_t> order = groups.dealt_out();
    groups.reassign(exec, order);
    const double after = groups.retained(order);
    if (after > answer.before) {
      answer.order = std::move(order);
      answer.after = after;
    }
    return answer;
  }

  template <class Source, class Statistics, class Recipe>
  static std::vector<float> scores_of(const detail::any_executor& exec, const Source& weight,
                                      const Statistics& statistics, const Recipe& recipe) {
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    auto scores = detail::checked_array<float>(
        "order_columns", detail::checked_product("order_columns", rows, cols));
    const auto read = [&](std::span<const float> values) {
      if (scores.empty()) return;
      const auto& bound = detail::bind_score(exec, weight, recipe.score, values);
      const detail::scored_rows scored(weight, bound, values);
      detail::first_row infinite;
      scored.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
        for (std::size_t i = begin; i < end; ++i) {
          float* to = scores.data() + i * cols;
          for (const auto score : read_scores(i)) {
            *to = static_cast<float>(score);
            if (!is_finite(*to++)) infinite.note(i);
          }
        }
      });
      scored.raise_if_broken("order_columns", {}, recipe.score);
      if (infinite.any())
        detail::raise<value_error>("order_columns: a score of row ", infinite.row(),
                                   " is not finite, and cannot be added to others");
    };
    detail::with_statistics<Recipe>(statistics, cols, "order_columns", {}, read);
    return scores;
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
/// k (compute::gather_columns, compute::gather_rows). In a feed-forward part with gate, up and down,
/// order the columns of down, and the rows of gate and up. A layer that reads the residual stream shares its inputs with others and cannot be
/// ordered alone.
///
/// Time: M (rows * (cols / M)^2 + (cols / M)^3). Memory: the scores three times as floats, and
/// (cols / M)^2 doubles.
/// @throws shape_error if W and the statistics have different numbers of columns, or memory cannot
///         hold the scores
/// @throws value_error as select does, or if a score is not finite
/// Source: channel permutation of Zhang et al. 2024, RIA (ICLR 2024), and its published code.
inline constexpr order_columns_operation order_columns{};

}  // namespace tamp::inline TAMP_FLAGS
