#pragma once

/// @file
/// Select and apply in one call, for one weight.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "apply.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS {

/// What pruning one weight left of it: `kept` is the count of select's mask. A score that repairs
/// keeps what is not zero in memory. Of other scores, a weight that was zero before is kept where
/// fewer go than are zero.
struct pruned {
  std::size_t size = 0, kept = 0;

  /// The fraction dropped; 0 for a weight without elements.
  double sparsity() const noexcept {
    return size == 0 ? 0.0 : static_cast<double>(size - kept) / static_cast<double>(size);
  }
  friend bool operator==(const pruned&, const pruned&) = default;
};

namespace detail {

/// @throws value_error if the tensor's type of number is too small for a repaired weight, or if one
///         that is dropped is not 0
template <class Tensor, executor E, class Repaired>
void check_repaired(const E& exec, std::string_view operation, std::string_view layer,
                    const Repaired& repaired) {
  const matrix_view<const double> weights = repaired.weights();
  const mask::bitmask& keep = repaired.keep;
  const auto held = [&](std::size_t i, std::size_t j) {
    const auto stored = stored_number<Tensor>(weights(i, j));
    return element_traits<std::remove_const_t<decltype(stored)>>::load(stored);
  };
  const auto is_right = [&](std::size_t i, std::size_t j) {
    const auto number = held(i, j);
    return is_finite(number) && (keep(i, j) || number == 0);
  };
  if (weights.empty()) return;
  first_row broken;
  for_each_range(exec, weights.rows(), weights.cols(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      unsigned any = 0;
      for (std::size_t j = 0; j < weights.cols(); ++j) any |= unsigned{!is_right(i, j)};
      if (any != 0) broken.note(i);
    }
  });
  if (broken.any())
    for (std::size_t i = broken.row(), j = 0; j < weights.cols(); ++j)
      if (!is_right(i, j))
        raise<value_error>(operation, ": the repaired weight in row ", i, ", column ", j,
                           of_layer(layer), " is ", weights(i, j),
                           is_finite(held(i, j)) ? ", and its mask drops it"
                                                 : ", too large for the tensor's type of number");
}

/// Writes repaired weights, (rows, cols), into the host's tensor, in its own type of number.
/// @throws value_error if a row tensor does not hold its zeros, as apply
template <executor E, class Repaired, class Target>
void write_repaired(const E& exec, std::string_view operation, std::string_view layer,
                    const Repaired& repaired, Target&& target) {
  using tensor = std::remove_cvref_t<Target>;
  static_assert(
      viewable<tensor> || writable_row_tensor<tensor>,
      "this score changes the weights that stay, and this tensor can only drop some: give "
      "it a write_row");
  const matrix_view<const double> weights = repaired.weights();
  if (weights.empty()) return;
  if constexpr (viewable<tensor>) {
    for_each_range(exec, weights.rows(), weights.cols(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = 0; j < weights.cols(); ++j)
          target(i, j) = stored_number<tensor>(weights(i, j));
    });
  } else {
    write_rows(exec, operation, layer, repaired.keep, target,
               [&](std::size_t i, std::span<float> row) {
                 for (std::size_t j = 0; j < row.size(); ++j)
                   row[j] = stored_number<tensor>(weights(i, j));
                 return true;
               });
  }
}

}  // namespace detail

/// Prunes one weight in place: the same weights as apply(select(W, statistics, recipe), W).
///
///     const auto [size, kept] = tamp::prune(W, norms, recipe);
///
/// A score that repairs weights (score::sparsegpt) also changes those that stay. An executor may go
/// first.
/// @throws what select and apply throw, before anything is written
template <executor E, tensor_argument Weight, class Statistics, class Recipe>
pruned prune(const E& exec, Weight&& weight, const Statistics& statistics, const Recipe& recipe) {
  detail::require_prunable_rows<Weight>();
  const detail::any_executor on(exec);
  auto&& target = detail::source(weight);
  const std::size_t size =
      static_cast<std::size_t>(target.rows()) * static_cast<std::size_t>(target.cols());
  if constexpr (viewable<Weight>) detail::check_writable("prune", target);
  if constexpr (detail::repairing_score<typename Recipe::score_policy>) {
    const auto repaired = detail::repair_layer(on, "prune", {}, target, statistics, recipe);
    detail::check_repaired<std::remove_cvref_t<decltype(target)>>(on, "prune", {}, repaired);
    detail::write_repaired(on, "prune", {}, repaired, target);
    return {size, repaired.keep.count()};
  } else {
    const auto keep = detail::select_layer(on, "prune", {}, target, statistics, recipe);
    detail::apply_layer(on, "prune", {}, keep, target);
    return {size, keep.count()};
  }
}
template <executor E, tensor_argument Weight, class Recipe>
pruned prune(const E& exec, Weight&& weight, const Recipe& recipe) {
  return tamp::prune(exec, weight, detail::no_statistics{}, recipe);
}
template <tensor_argument Weight, class Statistics, class Recipe, executor E = execute::standard>
pruned prune(Weight&& weight, const Statistics& statistics, const Recipe& recipe) {
  return tamp::prune(E{}, weight, statistics, recipe);
}
template <tensor_argument Weight, class Recipe, executor E = execute::standard>
pruned prune(Weight&& weight, const Recipe& recipe) {
  return tamp::prune(E{}, weight, detail::no_statistics{}, recipe);
}

}  // namespace tamp::inline TAMP_FLAGS
