#pragma once

/// @file
/// The squared error of a pruned layer's output.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../mask/bitmask.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/gram_matrix.hpp"
#include "detail/residual_rows.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Returns the sum over rows of r G r^T. `make_read` is that of for_each_residual. `places` are the
/// rows of the layer that are summed; all of them if it is empty.
/// @throws value_error if the sum leaves the range of double
template <executor E, class MakeRead>
double error_of_residuals(const E& exec, std::string_view operation, std::string_view layer,
                          std::size_t rows, matrix_view<const double> gram,
                          const MakeRead& make_read, std::span<const std::size_t> places = {}) {
  std::vector<double> errors = checked_array<double>(operation, rows);
  for_each_residual(exec, operation, rows, gram, make_read, [&] {
    return [&](std::size_t i, const double* residual, const double* products) {
      errors[i] = dot_of_rows(residual, products, gram.cols());
    };
  });
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    sum += errors[i];
    if (!is_finite(sum))
      raise<value_error>(operation, ": the error of row ", places.empty() ? i : places[i],
                         of_layer(layer), " is too large for a double");
  }
  return (std::max)(sum, 0.0);  // rounding may leave less than nothing of an error of 0
}

/// Returns a function whose results read the dropped weights of a row; the others are zero.
template <class Source>
auto reads_dropped(const Source& weight, const mask::bitmask& keep) {
  return [&] {
    return [&keep, read = row_reader<Source>(weight)](std::size_t i, double* to) mutable {
      const auto row = read(i);
      for (std::size_t j = 0; j < row.size(); ++j)
        to[j] = keep(i, j) ? 0.0 : static_cast<double>(row[j]);
    };
  };
}

/// The error of a mask, in a recipe or by itself. The weights must be finite.
template <executor E, class Source>
double error_of_mask(const E& exec, std::string_view operation, std::string_view layer,
                     const Source& weight, const mask::bitmask& keep,
                     matrix_view<const double> gram) {
  return error_of_residuals(exec, operation, layer, keep.rows(), gram, reads_dropped(weight, keep));
}

/// The error of other weights of the same shape. All must be finite.
template <executor E, class Source, class Pruned>
double error_of_weights(const E& exec, std::string_view operation, std::string_view layer,
                        const Source& weight, const Pruned& pruned,
                        matrix_view<const double> gram) {
  const auto make_read = [&] {
    return [read = row_reader<Source>(weight), read_pruned = row_reader<Pruned>(pruned)](
               std::size_t i, double* to) mutable {
      const auto row = read(i);
      const auto left = read_pruned(i);
      for (std::size_t j = 0; j < row.size(); ++j)
        to[j] = static_cast<double>(row[j]) - static_cast<double>(left[j]);
    };
  };
  return error_of_residuals(exec, operation, layer, static_cast<std::size_t>(weight.rows()), gram,
                            make_read);
}

}  // namespace detail

namespace refine {

/// The type of refine::layer_error.
struct layer_error_operation : tamp::detail::operation<layer_error_operation> {
  using tamp::detail::operation<layer_error_operation>::operator();

  template <executor E, class Weight, class Pruned, class Gram>
  [[nodiscard]] double operator()(const E& exec, const Weight& weight, const Pruned& pruned,
                                  const Gram& gram) const {
    static_assert(tensor_argument<Weight>,
                  "layer_error(weight, mask or pruned weight, gram): the weight is no tensor that "
                  "tamp can read (see tamp::tensor_traits)");
    const tamp::detail::ieee_arithmetic as_usual;
    const tamp::detail::any_executor on(exec);
    constexpr std::string_view name = "layer_error";
    return tamp::detail::with_source(weight, [&](const auto& source) {
      const auto rows = static_cast<std::size_t>(source.rows());
      const auto cols = static_cast<std::size_t>(source.cols());
      const auto matrix = tamp::detail::gram_matrix(name, {}, cols, gram);
      tamp::detail::check_finite(on, source, name, {});
      static_cast<void>(tamp::detail::bounds_of(on, name, {}, matrix));
      if constexpr (std::is_same_v<Pruned, mask::bitmask>) {
        tamp::detail::check_mask_covers(name, {}, source, pruned);
        return tamp::detail::error_of_mask(on, name, {}, source, pruned, matrix);
      } else {
        return tamp::detail::with_source(pruned, [&](const auto& left) {
          if (static_cast<std::size_t>(left.rows()) != rows ||
              static_cast<std::size_t>(left.cols()) != cols)
            tamp::detail::raise<shape_error>(name, ": the pruned weight is ", left.rows(), " x ",
                                             left.cols(), ", the weight ", rows, " x ", cols);
          tamp::detail::check_finite(on, left, name, "the pruned layer");
          return tamp::detail::error_of_weights(on, name, {}, source, left, matrix);
        });
      }
    });
  }
};

/// Returns the squared error of a pruned layer's output: layer_error(where, W, mask, gram), or
/// layer_error(where, W, pruned W, gram) for weights that were changed, too.
///
///     error = ||X (W - P)^T||^2 = sum over rows of (w - p) G (w - p)^T,  G = X^T X
///
/// W is (out_features, in_features), P the pruned weight and X (tokens, in_features). `gram` is a
/// stat::gram of X, of weighted tokens or not, or its matrix in double. Use it to compare masks of
/// one layer. Between layers and models it says little, since their outputs have different sizes,
/// and a mask with less error of all tokens may answer worse (docs/policies/refine/swaps.md).
///
/// The sums are in double and in a fixed order. Cost: rows * cols^2 multiply-adds. Memory: one more
/// matrix of the size of G, and 1024 rows. A weight without elements has the error 0.
///
/// @throws shape_error if the weight, the mask and G do not fit each other
/// @throws value_error if a weight or a statistic is not finite, the statistic has seen nothing, G
///         is no Gram matrix, or the error is too large for a double
inline constexpr layer_error_operation layer_error{};

}  // namespace refine
}  // namespace tamp::inline TAMP_FLAGS
