#pragma once

/// @file
/// Updates of the weights that stay, for any mask. Needs Eigen, and is therefore not part of
/// tamp.hpp.

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/place.hpp"
#include "../execute/standard.hpp"
#include "../mask/bitmask.hpp"
#include "../role.hpp"
#include "../score/detail/column_repair.hpp"
#include "../stat/gram.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/gram_matrix.hpp"
#include "detail/refined_layer.hpp"
#include "detail/residual_rows.hpp"
#include "layer_error.hpp"
#include "refined_mask.hpp"

namespace tamp::inline TAMP_FLAGS::refine {

/// A mask and the weights that were repaired for it: `keep`, `weights()`, (rows, cols), of double,
/// and `note`. `error` is the layer's error with the mask alone and with these weights.
struct repaired_layer : score::repaired_layer {
  layer_errors error;
};

/// Updates the weights that stay so that they compensate for the dropped ones, for any mask.
///
/// Use it after any score and refinement where weights may be changed, with a Gram matrix.
/// It is SparseGPT's update without SparseGPT's choice, which the published code calls ablation and
/// others reconstruction. With H and U of score::sparsegpt, for j = 1, 2 ..:
///
///     error(i) = w(i, j) / U(j, j) where w(i, j) is dropped, else 0
///     w(i, k) -= error(i) * U(j, k) for all k >= j; w(i, j) = 0 where dropped
///
/// In a recipe it is the last policy in order, and reports show the layer's error with the score's
/// mask and with the repaired weights:
///
///     tamp::compose(score::ria{}, pattern::per_row{}, allocate::uniform{0.6}, refine::swaps{25},
///                   refine::repair{})
///
/// A kept weight that was zero is repaired like the others and need not be zero after that. With
/// `keeps_zeros` all zeros stay: of a model that is pruned for the second time, what was dropped
/// first is dropped, whatever the mask says.
///
/// The weights of an input that was always zero become zero. If H cannot be factored, damping is
/// raised tenfold until it can, and the note says so. The arithmetic is in double, in an order that
/// does not depend on the executor. `blocksize` decides the order of sums alone. Cost: that of
/// score::sparsegpt, and twice rows * cols^2 multiply-adds for the errors. Memory: three (cols,
/// cols) matrices and one of the weight's shape, of doubles.
///
/// Source: Frantar & Alistarh 2023 (arXiv 2301.00774), as applied to other masks by the code of
/// Sun et al. 2024 (locuslab/wanda, lib/ablate.py) and of Zhang et al. 2024 (biomedical-cybernetics/
/// Relative-importance-and-activation-pruning, --reconstruction).
/// @see score::sparsegpt, which chooses the mask as it repairs
struct repair {
  using role = tamp::role::refine;
  using needs = stat::gram;
  static constexpr bool repairs = true;

  std::size_t blocksize = 128;
  double damping = 0.01;
  bool keeps_zeros = false;

  std::string_view label() const { return keeps_zeros ? "repair with zeros kept" : "repair"; }

  /// Repairs one weight for a mask: repair{}(where, W, mask, gram).
  ///
  ///     const auto repaired = tamp::refine::repair{}(W, keep, gram);
  ///     // repaired.keep, repaired.weights(), repaired.error.after
  ///
  /// W is (out_features, in_features), any tensor, and is only read.
  /// @throws shape_error if the weight, the mask and the statistic do not fit each other
  /// @throws value_error if a weight or a statistic is not finite, the statistic has seen nothing,
  ///         a parameter cannot be used, H cannot be factored at any damping up to 100 times its
  ///         mean diagonal, or the repaired weights leave the range of double
  template <executor E, class Weight>
  repaired_layer operator()(const E& exec, const Weight& weight, const mask::bitmask& keep,
                            const stat::gram& gram) const {
    static_assert(tensor_argument<Weight>,
                  "repair(W, mask, gram): W is no tensor that tamp can read (see "
                  "tamp::tensor_traits)");
    const tamp::detail::ieee_arithmetic as_usual;
    const tamp::detail::any_executor on(exec);
    return tamp::detail::with_memory("repair", [&] {
      return tamp::detail::with_source(weight, [&](const auto& source) {
        tamp::detail::check_mask_covers("repair", {}, source, keep);
        return apply(on, {"repair", {}, 0}, source, gram, keep);
      });
    });
  }
  template <class Weight>
    requires(!place<Weight>)
  repaired_layer operator()(const Weight& weight, const mask::bitmask& keep,
                            const stat::gram& gram) const {
    return (*this)(execute::standard{}, weight, keep, gram);
  }

  /// Repairs a weight in a recipe.
  template <executor E, class Source>
  repaired_layer apply(const E& exec, const tamp::detail::refined_layer& layer,
                       const Source& weight, const stat::gram& gram,
                       const mask::bitmask& keep) const {
    using namespace tamp::detail;
    const std::size_t cols = keep.cols();
    check_repair("repair", layer.operation, layer.layer, cols, gram, blocksize, damping);
    repaired_layer result{repairable(exec, layer.operation, layer.layer, weight), {}};
    if (keep.size() == 0) return result;
    mask::bitmask wanted = keep;
    if (keeps_zeros)
      for (std::size_t i = 0; i < keep.rows(); ++i)
        for (std::size_t j = 0; j < cols; ++j)
          if (result.weights()(i, j) == 0) wanted.set(i, j, false);
    const auto matrix = gram_matrix(layer.operation, layer.layer, cols, gram);
    const double_matrix U =
        inverse_factor(exec, layer.operation, layer.layer, gram, damping, result);
    result.error.before = error_of_mask(exec, layer.operation, layer.layer, weight, wanted, matrix);
    for (std::size_t begin = 0, width = 0; begin < cols; begin += width) {
      width = (std::min)(blocksize, cols - begin);
      repair_columns(
          exec, U, begin, begin + width,
          [&](std::size_t i, std::size_t j, const double*) { return wanted(i, j); }, result);
    }
    check_squares(layer.operation, layer.layer, result.repaired);
    const matrix_view<const double> repaired = result.weights();
    result.error.after =
        error_of_weights(exec, layer.operation, layer.layer, weight, repaired, matrix);
    return result;
  }

  friend bool operator==(const repair&, const repair&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::refine
