#pragma once

/// @file
/// SparseGPT's update of the columns to the right of dropped weights, for any way to choose these.

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "../../detail/checked.hpp"
#include "../../detail/number_range.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/packed_rows.hpp"
#include "../../simd/similar_rows.hpp"
#include "../../stat/gram.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/rows.hpp"
#include "../../tensor/view.hpp"
#include "inverse_factor.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace score {

/// A layer's mask and its weights, after dropping some and repairing the others.
class repaired_layer {
 public:
  mask::bitmask keep;
  detail::double_matrix repaired;
  std::string note;  ///< a sentence about any irregularity, or empty

  matrix_view<const double> weights() const noexcept {
    return {repaired.data(), static_cast<std::size_t>(repaired.rows()),
            static_cast<std::size_t>(repaired.cols())};
  }
};

}  // namespace score

namespace detail {

/// Checks what a repair reads. `who` is the policy with the parameters.
/// @throws value_error if a parameter cannot be used, or the statistic has seen nothing
/// @throws shape_error if the statistic does not cover `cols` columns
inline void check_repair(std::string_view who, std::string_view operation, std::string_view layer,
                         std::size_t cols, const stat::gram& gram, std::size_t blocksize,
                         double damping) {
  if (blocksize == 0 || !is_nonnegative(damping))
    raise<value_error>(who, ": blocksize is ", blocksize, ", damping ", damping);
  if (gram.tokens() == 0)
    raise<value_error>(operation, ": the statistics", of_layer(layer), " have seen no activations");
  if (gram.features() != cols)
    raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", cols,
                       " columns, the statistics cover ", gram.features());
}

/// Returns a copy of a weight, all of which is kept.
/// @throws value_error if a weight is not finite
template <executor E, class Source>
score::repaired_layer repairable(const E& exec, std::string_view operation, std::string_view layer,
                                 const Source& weight) {
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  mask::bitmask keep(rows, cols);
  const auto index = [](std::size_t n) { return static_cast<Eigen::Index>(n); };
  if (keep.size() == 0) return {std::move(keep), double_matrix(index(rows), index(cols)), {}};
  check_finite(exec, weight, operation, layer);
  checked_matrix(operation, rows, cols, sizeof(double));
  score::repaired_layer copy{std::move(keep), double_matrix(index(rows), index(cols)), {}};
  for_each_range(exec, rows, [&](std::size_t begin, std::size_t end) {
    row_reader read(weight);
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = read(i);
      std::copy(row.begin(), row.end(), copy.repaired.row(index(i)).data());
    }
  });
  return copy;
}

/// Refuses weights whose squares, which enter scores and errors, are not finite.
template <class Weights>
void check_squares(std::string_view operation, std::string_view layer, const Weights& weights) {
  for (Eigen::Index i = 0; i < weights.rows(); ++i)
    for (Eigen::Index j = 0; j < weights.cols(); ++j)
      if (!is_finite(weights(i, j) * weights(i, j)))
        raise<value_error>(operation, ": repairing the weights", of_layer(layer),
                           " made one of row ", i, ' ', weights(i, j), ", which is too large");
}

/// Returns U with H^-1 = U^T U for H = 2 / count * X^T X + damping * mean(diagonal) * I. Weights of
/// inputs that were always zero are set to zero. If H cannot be factored, damping is raised, and
/// the layer's note says so.
/// @throws value_error if H is not finite, or cannot be factored with 100 times its mean diagonal
template <executor E>
double_matrix inverse_factor(const E& exec, std::string_view operation, std::string_view layer,
                             const stat::gram& gram, double damping,
                             score::repaired_layer& result) {
  const auto index = [](std::size_t n) { return static_cast<Eigen::Index>(n); };
  const Eigen::Index n = index(gram.features());
  const double scale = 2.0 / static_cast<double>(gram.count());
  const auto sums = gram.matrix();
  double_matrix H(n, n), U;
  double mean = 0;
  for (std::size_t i = 0; i < gram.features(); ++i) {
    for (std::size_t j = 0; j < gram.features(); ++j) {
      const double product = H(index(i), index(j)) = scale * sums(i, j);
      if (!is_finite(product) || (i == j && product < 0))
        raise<value_error>(operation, ": the statistic of features ", i, " and ", j,
                           of_layer(layer), " is ", product);
    }
    if (double& square = H(index(i), index(i)); square == 0) {
      square = 1;
      result.repaired.col(index(i)).setZero();
    }
    mean += H(index(i), index(i)) / static_cast<double>(n);
  }
  double damp = damping;
  while (!factor_inverse(exec, H, damp * mean, U)) {
    if (damp >= 100)
      raise<value_error>(operation, ": the Hessian", of_layer(layer),
                         " cannot be factored, not even with ", damp, " times its mean diagonal (",
                         mean, ") added");
    damp = damp == 0 ? 1e-6 : 10 * damp;
  }
  if (damp != damping) result.note = sentence("damping raised from ", damping, " to ", damp);
  return U;
}

/// Drops and repairs columns [begin, end) row by row, and then updates all later columns.
///
/// stays(i, j, weights) returns whether a weight stays. It is called once for each column in order,
/// with the row's weights as repaired so far. The update subtracts the product of the errors and
/// rows of U, packed so that columns of U are the rows of the product.
template <executor E, class Stays>
void repair_columns(const E& exec, const double_matrix& U, std::size_t begin, std::size_t end,
                    const Stays& stays, score::repaired_layer& result) {
  const auto index = [](std::size_t n) { return static_cast<Eigen::Index>(n); };
  const std::size_t rows = result.keep.rows(), width = end - begin;
  const auto errors = pack_by_rows<double>(exec, rows, width, [&] {
    return [&](std::size_t i, double* to) {
      double* const weights = result.repaired.row(index(i)).data();
      with_similar_rows([&](auto loops) {
        for (std::size_t j = begin; j < end; ++j) {
          to[j - begin] = 0.0;
          if (stays(i, j, static_cast<const double*>(weights))) continue;
          const double* const row = U.row(index(j)).data();
          const double error = to[j - begin] = weights[j] / row[j];
          loops.add_scaled(row + j, end - j, -error, weights + j);
          weights[j] = 0.0;
          result.keep.set(i, j, false);
        }
      });
    };
  });
  if (end == result.keep.cols()) return;
  for_each_product_block(exec, errors,
                         pack_transposed(exec, U, index(begin), index(width), index(end), U.cols(),
                                         errors.instructions()),
                         subtract_from(result.repaired, 0, index(end)));
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
