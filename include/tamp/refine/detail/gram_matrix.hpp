#pragma once

/// @file
/// The Gram matrix that a refinement reads, and its checks.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../stat/gram.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/detail/source.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the Gram matrix of a layer's inputs with contiguous rows. `gram` is a stat::gram, or a
/// symmetric matrix of double.
/// @throws value_error if the statistic has seen nothing
/// @throws shape_error if the matrix does not cover `cols` columns, or neither its rows nor its
///         columns are contiguous
template <class Gram>
matrix_view<const double> gram_matrix(std::string_view operation, std::string_view layer,
                                      std::size_t cols, const Gram& gram) {
  const auto check_covers = [&](std::size_t features) {
    if (features != cols)
      raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", cols,
                         " columns, the statistics cover ", features);
  };
  if constexpr (std::derived_from<Gram, stat::gram>) {
    if (gram.tokens() == 0)
      raise<value_error>(operation, ": the statistics", of_layer(layer),
                         " have seen no activations");
    check_covers(gram.features());
    return gram.matrix();
  } else {
    static_assert(viewable<Gram>, "a refinement reads a tamp::stat::gram, or its matrix in double");
    const auto matrix = cpu_view(gram);
    static_assert(std::is_same_v<typename decltype(matrix)::value_type, double>,
                  "a Gram matrix is one of double: sums of squares in float lose the differences "
                  "between masks");
    if (matrix.rows() != matrix.cols())
      raise<shape_error>(operation, ": the Gram matrix", of_layer(layer), " is ", matrix.rows(),
                         " x ", matrix.cols());
    check_covers(matrix.cols());
    if (matrix.empty() || matrix.contiguous_rows()) return matrix;
    if (!matrix.contiguous_cols())
      raise<shape_error>(operation, ": neither rows nor columns of the Gram matrix",
                         of_layer(layer), " are contiguous");
    return {matrix.data(), cols, cols, matrix.col_stride(), matrix.row_stride()};
  }
}

/// Bounds of the products of a Gram matrix G: the root of each square, and the reach of each feature's
/// products. For i != j, |G(i, j)| <= reaches[i] * lengths[j], up to rounding.
struct gram_bounds {
  std::vector<double> squares, lengths, reaches;
};

/// Returns the bounds of a Gram matrix. It reads the matrix once.
/// @throws value_error if a number is not finite, a square is negative, or a feature without a
///         square has products
template <executor E>
gram_bounds bounds_of(const E& exec, std::string_view operation, std::string_view layer,
                      matrix_view<const double> gram) {
  const std::size_t cols = gram.cols();
  gram_bounds bounds{checked_array<double>(operation, cols), checked_array<double>(operation, cols),
                     checked_array<double>(operation, cols)};
  std::vector<double> inverse = checked_array<double>(operation, cols);
  const auto refuse = [&](std::size_t i, std::size_t j) {
    raise<value_error>(operation, ": the statistic of features ", i, " and ", j, of_layer(layer),
                       " is ", gram(i, j));
  };
  for (std::size_t j = 0; j < cols; ++j) {
    const double square = bounds.squares[j] = gram(j, j);
    if (!is_finite(square) || square < 0) refuse(j, j);
    bounds.lengths[j] = std::sqrt(square);
    inverse[j] = square == 0 ? 0.0 : 1 / bounds.lengths[j];
  }
  first_row broken;
  detail::for_each_range(exec, cols, cols, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const double* const row = &gram(i, 0);
      double reach = 0;
      bool is_usable = true;
      for (std::size_t j = 0; j < cols; ++j) {
        const double size = std::abs(row[j]);
        is_usable = is_usable && is_finite(row[j]) && (inverse[j] != 0 || size == 0);
        if (j != i) reach = (std::max)(reach, size * inverse[j]);
      }
      bounds.reaches[i] = reach;
      if (!is_usable) broken.note(i);
    }
  });
  if (!broken.any()) return bounds;
  for (std::size_t j = 0; j < cols; ++j) {
    const double product = gram(broken.row(), j);
    if (!is_finite(product)) refuse(broken.row(), j);
    if (inverse[j] == 0 && product != 0)
      raise<value_error>(operation, ": the statistic of features ", broken.row(), " and ", j,
                         of_layer(layer), " is ", product, ", and that of ", j,
                         " with itself 0: this is no Gram matrix");
  }
  return bounds;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
