#pragma once

/// @file
/// Pruning of a weight into a sparse matrix, without changing the weight.

#include <cstddef>
#include <span>
#include <type_traits>

#include "../element.hpp"
#include "../execute/operation.hpp"
#include "../prune/detail/arguments.hpp"
#include "../prune/detail/repaired_weight.hpp"
#include "../prune/select.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/view.hpp"
#include "pack.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The type of sparse::prune and sparse::prune_as.
template <class Target = void>
struct prune_operation : tamp::detail::operation<prune_operation<Target>> {
  using tamp::detail::operation<prune_operation<Target>>::operator();

  template <executor E, class Weight, class Statistics, class Recipe>
  [[nodiscard]] auto operator()(const E& exec, const Weight& weight, const Statistics& statistics,
                                const Recipe& recipe) const {
    using namespace tamp::detail;
    if constexpr (check_weight_argument<Weight>() && check_recipe_argument<Recipe>()) {
      if constexpr (check_packed_type<Target, Weight>()) {
        using value = typename packed_type<Target, Weight>::type;
        const any_executor on(exec);
        return with_memory("prune", [&] {
          return with_source(weight, [&](const auto& source) {
            if constexpr (repairing_score<typename Recipe::score_policy>) {
              using tensor = std::remove_cvref_t<decltype(source)>;
              const auto repaired = repair_layer(on, "prune", {}, source, statistics, recipe);
              check_repaired<tensor>(on, "prune", {}, repaired);
              return packer::pack<value>(on, "prune", repaired_rows<tensor>(repaired.weights()),
                                         repaired.keep);
            } else {
              return packer::pack<value>(on, "prune", source,
                                         select_layer(on, "prune", {}, source, statistics, recipe));
            }
          });
        });
      }
    }
  }
  template <executor E, class Weight, class Recipe>
  [[nodiscard]] auto operator()(const E& exec, const Weight& weight, const Recipe& recipe) const {
    return (*this)(exec, weight, tamp::detail::no_statistics{}, recipe);
  }

 private:
  // Repaired weights as numbers that the weight's own type can hold.
  template <class Tensor>
  class repaired_rows {
   public:
    explicit repaired_rows(matrix_view<const double> weights) : weights_(weights) {}
    std::size_t rows() const { return weights_.rows(); }
    std::size_t cols() const { return weights_.cols(); }
    void read_row(std::size_t i, std::span<float> out) const {
      for (std::size_t j = 0; j < out.size(); ++j) {
        const auto stored = tamp::detail::stored_number<Tensor>(weights_(i, j));
        using element = std::remove_const_t<decltype(stored)>;
        out[j] = static_cast<float>(element_traits<element>::load(stored));
      }
    }

   private:
    matrix_view<const double> weights_;
  };
};

/// Prunes a weight into a sparse matrix: sparse::prune(where, W, statistics, recipe). W is only
/// read.
///
///     const auto S = tamp::sparse::prune(W, norms, recipe);
///
/// The result is that of tamp::prune, packed with its mask. Scores that repair weights
/// (score::sparsegpt) are repaired in the matrix.
/// @throws the exceptions of tamp::select and sparse::pack
inline constexpr prune_operation<> prune{};

/// The same, with the kept weights converted to T (see pack_as).
template <class T>
inline constexpr prune_operation<T> prune_as{};

}  // namespace tamp::inline TAMP_FLAGS::sparse
