#pragma once

/// @file
/// Selection of the weights of one layer that stay. The weight itself is only read.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../mask/bitmask.hpp"
#include "../score/detail/chosen_mask.hpp"
#include "../score/detail/column_statistics.hpp"
#include "../tensor/detail/source.hpp"
#include "compose.hpp"
#include "detail/arguments.hpp"
#include "detail/zeros.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Checks a recipe's inputs for one weight and calls `use(values)` with the statistic's numbers.
template <class Recipe, class Statistics, class Use>
decltype(auto) with_statistics(const Statistics& statistics, std::size_t cols,
                               std::string_view operation, std::string_view layer, Use&& use) {
  using score = typename Recipe::score_policy;
  if constexpr (needs_statistic<score>) {
    using needed = needed_statistic_of<score>;
    static_assert(!std::is_same_v<Statistics, no_statistics>,
                  "this recipe's score needs a statistic: observe the layer's inputs and pass the "
                  "result, as in select(weight, norms, recipe)");
    if constexpr (!std::is_same_v<Statistics, no_statistics>) {
      static_assert(std::is_same_v<Statistics, needed> ||
                        std::convertible_to<const Statistics&, std::span<const float>>,
                    "this is not the statistic that the recipe's score needs");
      if constexpr (requires { statistics.tokens(); })
        if (statistics.tokens() == 0)
          raise<value_error>(operation, ": the statistics", of_layer(layer), " have seen ",
                             tokens_seen(statistics) == 0 ? "" : "tokens, but selected ",
                             "no activations");
      const auto& values = column_values(statistics);
      check_statistics(values, cols, operation, layer);
      return use(std::span<const float>(values));
    }
  } else {
    return use(std::span<const float>());
  }
}

/// Returns the repaired weights and the mask of those that will not be zero in a tensor of the same
/// type. `weight` is only read. `count` is the number of weights to drop, if that was decided on,
/// for scores that can use it.
template <executor E, class Source, class Statistics, class Recipe>
auto repair_layer(const E& exec, std::string_view operation, std::string_view layer,
                  const Source& weight, const Statistics& statistics, const Recipe& recipe,
                  std::optional<std::size_t> count = {}) {
  const ieee_arithmetic as_usual;
  using needed = needed_statistic_of<typename Recipe::score_policy>;
  static_assert(
      std::is_same_v<Statistics, needed>,
      "this recipe's score needs its own statistic (see the score's `needs`): observe the "
      "layer's inputs and pass the result, as in prune(weight, gram, recipe)");
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  const double sparsity = sparsity_of(recipe, rows * cols);
  auto repaired = with_memory(operation, [&] {
    if constexpr (requires {
                    recipe.score.repair(exec, operation, layer, weight, statistics, recipe.pattern,
                                        sparsity, count);
                  })
      return recipe.score.repair(exec, operation, layer, weight, statistics, recipe.pattern,
                                 sparsity, count);
    else
      return recipe.score.repair(exec, operation, layer, weight, statistics, recipe.pattern,
                                 sparsity);
  });
  const auto weights = repaired.weights();
  const auto require_shape = [&](std::string_view what, std::size_t its_rows,
                                 std::size_t its_cols) {
    if (its_rows != rows || its_cols != cols)
      raise<shape_error>(operation, ": the score ", label(recipe.score), " made ", what, " of ",
                         its_rows, " x ", its_cols, " for a weight", of_layer(layer), " of ", rows,
                         " x ", cols);
  };
  require_shape("a mask", repaired.keep.rows(), repaired.keep.cols());
  require_shape("repaired weights", weights.rows(), weights.cols());
  drop_zeros<Source>(exec, weights, repaired.keep);
  return repaired;
}

/// Returns the refined mask, with the layer's errors if they are known. `weight` is only read.
template <executor E, class Source, class Statistics, class Recipe>
auto refine_layer(const E& exec, std::string_view operation, std::string_view layer,
                  const Source& weight, const Statistics& statistics, const Recipe& recipe) {
  const ieee_arithmetic as_usual;
  using needed = needed_statistic_of<typename Recipe::score_policy>;
  static_assert(
      std::is_same_v<Statistics, needed>,
      "this recipe's score and refinements need their own statistic (see the score's `needs`): "
      "observe the layer's inputs and pass the result, as in select(weight, "
      "tamp::statistic_for(recipe).add(X), recipe)");
  const std::size_t size =
      static_cast<std::size_t>(weight.rows()) * static_cast<std::size_t>(weight.cols());
  const double sparsity = sparsity_of(recipe, size);
  return with_memory(operation, [&] {
    return recipe.score.refine(exec, operation, layer, weight, statistics, recipe.pattern,
                               sparsity);
  });
}

template <executor E, class Source, class Statistics, class Recipe>
mask::bitmask select_layer(const E& exec, std::string_view operation, std::string_view layer,
                           const Source& weight, const Statistics& statistics,
                           const Recipe& recipe) {
  const ieee_arithmetic as_usual;
  if constexpr (repairing_score<typename Recipe::score_policy>) {
    return repair_layer(exec, operation, layer, weight, statistics, recipe).keep;
  } else if constexpr (refining_score<typename Recipe::score_policy>) {
    return refine_layer(exec, operation, layer, weight, statistics, recipe).keep;
  } else {
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    const double sparsity = sparsity_of(recipe, rows * cols);
    const auto choose_scored = [&](std::span<const float> values) -> mask::bitmask {
      mask::bitmask keep(rows, cols);
      if (keep.size() == 0) return keep;
      choose_by_score(exec, operation, layer, weight, recipe.score, values, recipe.pattern,
                      sparsity, keep, [](const auto&) {});
      return keep;
    };
    return with_memory(operation, [&] {
      return with_statistics<Recipe>(statistics, cols, operation, layer, choose_scored);
    });
  }
}

}  // namespace detail

/// The type of tamp::select.
struct select_operation : detail::operation<select_operation> {
  using detail::operation<select_operation>::operator();

  template <executor E, class Weight, class Statistics, class Recipe>
  [[nodiscard]] mask::bitmask operator()(const E& exec, const Weight& weight,
                                         const Statistics& statistics, const Recipe& recipe) const {
    if constexpr (detail::check_weight_argument<Weight>() &&
                  detail::check_recipe_argument<Recipe>())
      return detail::with_source(weight, [&](const auto& source) {
        return detail::select_layer(detail::any_executor(exec), "select", {}, source, statistics,
                                    recipe);
      });
    else
      return {};
  }
  template <executor E, class Weight, class Recipe>
  [[nodiscard]] mask::bitmask operator()(const E& exec, const Weight& weight,
                                         const Recipe& recipe) const {
    return (*this)(exec, weight, detail::no_statistics{}, recipe);
  }
};

/// Chooses the weights of one layer that stay: select(where, W, statistics, recipe).
///
///     const auto keep = tamp::select(W, norms, recipe);
///
/// W is (out_features, in_features), any tensor. `statistics` is what the recipe's score needs: an
/// accumulator such as stat::column_norm, or one float for each column. It may be left out for a
/// score that needs none. A score that repairs weights works on a copy. The weights that it makes
/// zero (those of dead inputs) are dropped regardless of the count. W is not changed; use
/// apply(W, keep) for that. A weight without elements gives a mask without elements.
///
/// @throws shape_error if W and the statistics have different numbers of columns, or if W has
///         elements but no memory, or more elements than memory can hold
/// @throws value_error if a weight, a statistic or a score cannot be used (not finite, NaN), naming
///         the first by row and column, if the statistics have seen nothing, or if the sparsity is
///         not in [0, 1]
inline constexpr select_operation select{};

}  // namespace tamp::inline TAMP_FLAGS
