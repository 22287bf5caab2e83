#pragma once

/// @file
/// Dot products and cosines of pairs of a matrix's rows, on demand.

#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include "../../detail/square_root.hpp"
#include "../../simd/similar_rows.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the cosine of two rows, given their dot product and the product of their factors to unit
/// length. A number within 2^-50 of 1 or -1 is 1 or -1. The rounding errors between a row and its
/// copy are at most 6 * 2^-53, so that copies are exactly alike, and ties among them are ties.
inline double cosine_of(double dot, double scale) noexcept {
  const double cosine = dot * scale;
  if (std::abs(std::abs(cosine) - 1) <= 0x1p-50) return cosine < 0 ? -1.0 : 1.0;
  return cosine;
}

/// The dot products of pairs of rows, and their cosines. Sums are in double, in an order that does
/// not depend on the places of the rows, the layout or the instruction set. Contiguous rows are
/// read in place and must outlive the object. Other rows are copied once. The cosine of a row of
/// length zero and any other row is zero, and that of a row and its copy is exactly 1.
template <class Number>
class row_products {
 public:
  explicit row_products(matrix_view<const Number> rows) : rows_(rows) {
    if (!rows.contiguous_rows()) {
      copy_.reserve(rows.size());
      for (std::size_t i = 0; i < rows.rows(); ++i)
        for (std::size_t j = 0; j < rows.cols(); ++j) copy_.push_back(rows(i, j));
      rows_ = matrix_view<const Number>(copy_.data(), rows.rows(), rows.cols());
    }
    scale_.reserve(rows.rows());
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const double squared = dot(i, i);
      scale_.push_back(squared == 0 ? 0.0 : 1 / square_root(squared));
    }
  }
  row_products(const row_products&) = delete;
  row_products& operator=(const row_products&) = delete;

  bool is_zero(std::size_t i) const noexcept { return scale_[i] == 0; }

  double dot(std::size_t i, std::size_t j) const {
    return with_similar_rows([&](auto similar) {
      return similar.dot(rows_.row(i).data(), rows_.row(j).data(), rows_.cols());
    });
  }

  double cosine(std::size_t i, std::size_t j) const {
    return cosine_of(dot(i, j), scale_[i] * scale_[j]);
  }

 private:
  matrix_view<const Number> rows_;
  std::vector<Number> copy_;
  std::vector<double> scale_;  // factor to unit length; 0 for a row of length zero
};

template <class Number>
row_products(matrix_view<const Number>) -> row_products<Number>;

}  // namespace tamp::inline TAMP_FLAGS::detail
