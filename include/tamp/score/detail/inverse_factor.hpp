#pragma once

/// @file
/// The triangular factor of an inverse matrix, computed with Eigen.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>

#include "../../element.hpp"
#include "../../execute/executor.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/packed_rows.hpp"
#include "../../simd/products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

using double_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Solves L X = B in place. L is lower triangular. B is columns [begin, end) of `m`, in as many
/// rows as L has, starting at row `top`.
template <executor E>
void solve_rows(const E& exec, const double_matrix& L, double_matrix& m, Eigen::Index top,
                Eigen::Index begin, Eigen::Index end) {
  constexpr Eigen::Index strip = portable::products::solved_columns;
  using strip_matrix = Eigen::Matrix<double, Eigen::Dynamic, strip, Eigen::RowMajor>;
  const auto strips = static_cast<std::size_t>((end - begin + strip - 1) / strip);
  detail::for_each_range(exec, strips, [&](std::size_t first, std::size_t last) {
    strip_matrix columns = strip_matrix::Zero(L.rows(), strip);
    for (std::size_t s = first; s < last; ++s) {
      const Eigen::Index left = begin + static_cast<Eigen::Index>(s) * strip;
      const Eigen::Index width = (std::min)(strip, end - left);
      auto part = m.block(top, left, L.rows(), width);
      columns.leftCols(width) = part;
      with_products(execute::current_instructions(), [&](auto products) {
        products.solve_columns(L.data(), static_cast<std::size_t>(L.rows()), columns.data());
      });
      part = columns.leftCols(width);
    }
  });
}

/// Packs columns [begin, end) of `height` rows of a matrix, starting at row `top`, as rows of a
/// product with the given instruction set.
template <executor E>
packed_rows<double> pack_transposed(const E& exec, const double_matrix& m, Eigen::Index top,
                                    Eigen::Index height, Eigen::Index begin, Eigen::Index end,
                                    execute::instructions set) {
  return pack_by_columns<double>(
      exec, static_cast<std::size_t>(end - begin), static_cast<std::size_t>(height),
      [&] {
        return [&](std::size_t k, double* to) {
          const double* const row = &m.coeffRef(top + static_cast<Eigen::Index>(k), 0);
          std::copy(row + begin, row + end, to);
        };
      },
      set);
}

/// Returns a function that subtracts blocks of a product from the part of `m` that begins at (top,
/// left).
inline auto subtract_from(double_matrix& m, Eigen::Index top, Eigen::Index left) {
  return add_blocks_to(m.data() + top * m.cols() + left, static_cast<std::size_t>(m.cols()), -1.0);
}

/// Computes the upper triangular U with H^-1 = U^T U for the symmetric H = `gram` + `added` * I.
/// Returns false if U cannot be computed in double. `U` then holds arbitrary numbers.
///
/// H is never inverted. If H = R R^T with R upper triangular, then U is the inverse of R. R is the
/// factor L of the ordinary Cholesky factorization L L^T of H with its rows and columns in reverse
/// order, reversed again. The inverse of L is computed in the same pass as L, block of columns by
/// block of columns: each block's update of the rest of H is also applied to the rest of the
/// identity matrix. The bits do not depend on the executor. Memory: one matrix of H's size in
/// addition to `gram` and `U`.
template <executor E>
bool factor_inverse(const E& exec, const double_matrix& gram, double added, double_matrix& U) {
  constexpr Eigen::Index block = 128;
  const Eigen::Index n = gram.rows();
  const execute::instructions set = execute::current_instructions();
  double_matrix rest = gram.reverse();  // on and above the diagonal
  rest.diagonal().array() += added;
  U.setIdentity(n, n);
  for (Eigen::Index k = 0; k < n; k += block) {
    const Eigen::Index width = (std::min)(block, n - k), next = k + width;
    double_matrix L = rest.block(k, k, width, width).transpose();
    // Info 0 is success. Its name is a macro in the headers of X11.
    if (Eigen::LLT<Eigen::Ref<double_matrix>>(L).info() != Eigen::ComputationInfo{}) return false;
    solve_rows(exec, L, rest, k, next, n);
    solve_rows(exec, L, U, k, 0, next);
    const auto below = pack_transposed(exec, rest, k, width, next, n, set);
    for_each_gram_block(exec, below, subtract_from(rest, next, next));
    for_each_product_block(exec, below, pack_transposed(exec, U, k, width, 0, next, set),
                           subtract_from(U, next, 0));
  }
  U.reverseInPlace();
  for (Eigen::Index j = 0; j < n; ++j) {
    const double square = U(j, j) * U(j, j);
    if (!is_finite(square) || square == 0) return false;
  }
  return std::all_of(U.data(), U.data() + U.size(), [](double u) { return is_finite(u); });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
