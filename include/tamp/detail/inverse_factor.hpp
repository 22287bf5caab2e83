#pragma once

/// @file
/// The triangular factor of an inverse, with Eigen.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>

#include "../execute/executor.hpp"
#include "../tensor/element.hpp"

namespace tamp::detail {

using double_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows of a matrix that are one thread's work, in a fixed order of sums.
///
/// Eigen shares out a product among threads of its own, which also regroups its sums, unless the
/// result is known at compile time to have no more than 32 rows.
inline constexpr Eigen::Index strip_rows = 32;
using matrix_strip = Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic,
                                              Eigen::RowMajor, strip_rows, Eigen::Dynamic>,
                                0, Eigen::OuterStride<>>;

/// Part of `m`, at most strip_rows rows high.
inline matrix_strip strip_of(double_matrix& m, Eigen::Index row, Eigen::Index col,
                             Eigen::Index rows, Eigen::Index cols) {
  return {m.data() + row * m.cols() + col, rows, cols, Eigen::OuterStride<>(m.cols())};
}

/// Calls body(begin, size) for fixed pieces of [begin, end). One thread does a piece and its mirror
/// image, so that threads share the work fairly where pieces cost more from one end to the other.
template <executor E, class Body>
void for_each_piece(const E& exec, Eigen::Index begin, Eigen::Index end, Eigen::Index size,
                    const Body& body) {
  const Eigen::Index pieces = (end - begin + size - 1) / size;
  const auto work = [&](Eigen::Index p) {
    body(begin + p * size, (std::min)(size, end - begin - p * size));
  };
  exec.for_each_range(static_cast<std::size_t>((pieces + 1) / 2), [&](auto first, auto last) {
    for (auto p = static_cast<Eigen::Index>(first); p < static_cast<Eigen::Index>(last); ++p) {
      work(p);
      if (pieces - 1 - p != p) work(pieces - 1 - p);
    }
  });
}

/// Overwrites the lower triangle of a symmetric matrix with L, where L L^T is the matrix; false if
/// it is not positive definite. The upper triangle is left with arbitrary numbers.
template <executor E>
bool factor_in_place(const E& exec, double_matrix& m) {
  constexpr Eigen::Index block = 128;
  const Eigen::Index n = m.rows();
  for (Eigen::Index k = 0; k < n; k += block) {
    const Eigen::Index width = (std::min)(block, n - k), next = k + width;
    auto corner = m.block(k, k, width, width);
    // Info 0 is success, whose name is a macro of X11's.
    if (Eigen::LLT<Eigen::Ref<double_matrix>>(corner).info() != Eigen::ComputationInfo{})
      return false;
    for_each_piece(exec, next, n, strip_rows, [&](Eigen::Index i, Eigen::Index height) {
      auto below = strip_of(m, i, k, height, width);
      corner.template triangularView<Eigen::Lower>()
          .transpose()
          .template solveInPlace<Eigen::OnTheRight>(below);
    });
    for_each_piece(exec, next, n, strip_rows, [&](Eigen::Index i, Eigen::Index height) {
      const Eigen::Index cols = i + height - next;
      strip_of(m, i, next, height, cols).noalias() -=
          strip_of(m, i, k, height, width) * m.block(next, k, cols, width).transpose();
    });
  }
  return true;
}

/// U, upper triangular, with H^-1 = U^T U for the symmetric H = `gram` + `added` * I. False if it
/// cannot be computed, or not in double; `U` then holds arbitrary numbers.
///
/// H is never inverted: if H = R R^T with R upper triangular, U is R's inverse; and R comes from
/// the common L L^T of H with its rows and columns in reverse order. The bits do not depend on the
/// executor. Memory: one matrix of H's size beside `gram` and `U`.
template <executor E>
bool factor_inverse(const E& exec, const double_matrix& gram, double added, double_matrix& U) {
  constexpr Eigen::Index block = 64;
  const Eigen::Index n = gram.rows();
  double_matrix L = gram.reverse();
  L.diagonal().array() += added;
  if (!factor_in_place(exec, L)) return false;
  U.setIdentity(n, n);
  for_each_piece(exec, 0, n, block, [&](Eigen::Index j, Eigen::Index width) {
    auto columns = U.block(j, j, n - j, width);  // all above them is zero
    L.bottomRightCorner(n - j, n - j).triangularView<Eigen::Lower>().solveInPlace(columns);
  });
  U.reverseInPlace();
  for (Eigen::Index j = 0; j < n; ++j) {
    const double square = U(j, j) * U(j, j);
    if (!is_finite(square) || square == 0) return false;
  }
  return std::all_of(U.data(), U.data() + U.size(), [](double u) { return is_finite(u); });
}

}  // namespace tamp::detail
