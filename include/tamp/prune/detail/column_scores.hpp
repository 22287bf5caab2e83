#pragma once

/// @file
/// All scores of a weight at once, for orders of its columns.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/special_numbers.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../pattern/detail/group_order.hpp"
#include "../../score/detail/scored_rows.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../select.hpp"
#include "arguments.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses, with a sentence, a recipe without a pattern n_of_m<N, M>, or whose score repairs weights.
template <class Recipe>
consteval bool check_orders_columns() {
  constexpr bool is_n_of_m = requires { Recipe::pattern_policy::kept; };
  static_assert(is_n_of_m,
                "order_columns needs a recipe with the pattern n_of_m<N, M>: no "
                "other depends on which columns are neighbours");
  static_assert(!repairing_score<typename Recipe::score_policy>,
                "order_columns compares scores of the weights as they are: give it a score "
                "that repairs none");
  return is_n_of_m && !repairing_score<typename Recipe::score_policy>;
}

/// Returns the scores of a weight, row by row.
/// @throws value_error as select does, or if a score is not finite
/// @throws shape_error if memory cannot hold them, or the statistics do not fit
template <class Source, class Statistics, class Recipe>
std::vector<float> scores_of(const any_executor& exec, std::string_view operation,
                             const Source& weight, const Statistics& statistics,
                             const Recipe& recipe) {
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  auto scores = checked_array<float>(operation, checked_product(operation, rows, cols));
  const auto read = [&](std::span<const float> values) {
    if (scores.empty()) return;
    const auto& bound = bind_score(exec, weight, recipe.score, values);
    const scored_rows scored(weight, bound, values);
    first_row infinite;
    scored.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) {
        float* to = scores.data() + i * cols;
        for (const auto score : read_scores(i)) {
          *to = static_cast<float>(score);
          if (!is_finite(*to++)) infinite.note(i);
        }
      }
    });
    scored.raise_if_broken(operation, {}, recipe.score);
    if (infinite.any())
      raise<value_error>(operation, ": a score of row ", infinite.row(),
                         " is not finite, and cannot be added to others");
  };
  with_statistics<Recipe>(statistics, cols, operation, {}, read);
  return scores;
}

/// An order of the columns of scores in which groups keep more, and the sums of what they keep.
/// `Order` is column_order. Columns past the last whole group keep their places.
template <class Order, class Pattern>
Order order_of_scores(const any_executor& exec, std::string_view operation,
                      matrix_view<const float> scores) {
  const group_order groups(operation, scores, Pattern::kept, Pattern::group);
  Order answer{groups.identity()};
  answer.before = answer.after = groups.retained(answer.order);
  if (scores.rows() == 0 || scores.cols() / Pattern::group < 2) return answer;
  std::vector<std::size_t> order = groups.dealt_out();
  groups.reassign(exec, order);
  const double after = groups.retained(order);
  if (after > answer.before) {
    std::swap(answer.order, order);
    answer.after = after;
  }
  return answer;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
