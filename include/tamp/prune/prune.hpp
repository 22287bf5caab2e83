#pragma once

/// @file
/// Selection and application in one call, for one weight.

#include <cstddef>
#include <type_traits>

#include "../execute/operation.hpp"
#include "../tensor/detail/source.hpp"
#include "apply.hpp"
#include "detail/arguments.hpp"
#include "detail/repaired_weight.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The size of a pruned weight and the number of weights kept, which is the count of select's mask.
///
/// With a score that repairs, a weight is kept if it is not zero in memory. With other scores, a
/// weight that was zero before counts as kept if the mask keeps it, which happens if fewer weights
/// are dropped than are zero.
struct pruned {
  std::size_t size = 0, kept = 0;

  /// The fraction dropped; 0 for a weight without elements.
  double sparsity() const noexcept {
    return size == 0 ? 0.0 : static_cast<double>(size - kept) / static_cast<double>(size);
  }
  friend bool operator==(const pruned&, const pruned&) = default;
};

/// The type of tamp::prune.
struct prune_operation : detail::operation<prune_operation> {
  using detail::operation<prune_operation>::operator();

  template <executor E, class Weight, class Statistics, class Recipe>
  pruned operator()(const E& exec, Weight&& weight, const Statistics& statistics,
                    const Recipe& recipe) const {
    if constexpr (detail::check_weight_argument<Weight>() &&
                  detail::check_recipe_argument<Recipe>()) {
      detail::require_prunable_rows<Weight>();
      return detail::with_target(weight, [&](auto& target) {
        return prune_weight(detail::any_executor(exec), target, statistics, recipe);
      });
    } else {
      return {};
    }
  }
  template <executor E, class Weight, class Recipe>
  pruned operator()(const E& exec, Weight&& weight, const Recipe& recipe) const {
    return (*this)(exec, weight, detail::no_statistics{}, recipe);
  }

 private:
  template <class Target, class Statistics, class Recipe>
  static pruned prune_weight(const detail::any_executor& exec, Target& target,
                             const Statistics& statistics, const Recipe& recipe) {
    const std::size_t size =
        static_cast<std::size_t>(target.rows()) * static_cast<std::size_t>(target.cols());
    if constexpr (viewable<Target>) detail::check_writable("prune", target);
    if constexpr (detail::repairing_score<typename Recipe::score_policy>) {
      const auto repaired = detail::repair_layer(exec, "prune", {}, target, statistics, recipe);
      detail::check_repaired<std::remove_cvref_t<decltype(target)>>(exec, "prune", {}, repaired);
      detail::write_repaired(exec, "prune", {}, repaired, target);
      return {size, repaired.keep.count()};
    } else {
      const auto keep = detail::select_layer(exec, "prune", {}, target, statistics, recipe);
      detail::apply_layer(exec, "prune", {}, keep, target);
      return {size, keep.count()};
    }
  }
};

/// Prunes one weight in place: prune(where, W, statistics, recipe). The result is that of
/// apply(W, select(W, statistics, recipe)).
///
///     const auto [size, kept] = tamp::prune(W, norms, recipe);
///
/// A score that repairs weights (score::sparsegpt) also changes the weights that stay.
/// @throws the exceptions of select and apply, before anything is written
inline constexpr prune_operation prune{};

}  // namespace tamp::inline TAMP_FLAGS
