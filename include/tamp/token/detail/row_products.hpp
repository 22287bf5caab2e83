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
#include "../rows_view.hpp"
#include "token_rows.hpp"

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
  explicit row_products(matrix_view<const Number> rows) : rows_(rows), scale_(rows.rows()) {
    for (std::size_t i = 0; i < scale_.size(); ++i) scale_[i] = scale_of(i);
  }
  /// Products of the rows of some tokens. Those of other tokens must not be used.
  row_products(const token::rows_view& rows, std::span<const std::size_t> tokens)
      : rows_(rows, tokens), scale_(rows.rows()) {
    for (const std::size_t t : tokens) scale_[t] = scale_of(t);
  }

  bool is_zero(std::size_t i) const noexcept { return scale_[i] == 0; }

  double dot(std::size_t i, std::size_t j) const {
    return with_similar_rows(
        [&](auto similar) { return similar.dot(rows_[i], rows_[j], rows_.cols()); });
  }

  double cosine(std::size_t i, std::size_t j) const {
    return cosine_of(dot(i, j), scale_[i] * scale_[j]);
  }

 private:
  double scale_of(std::size_t i) const {
    const double squared = dot(i, i);
    return squared == 0 ? 0.0 : 1 / square_root(squared);
  }

  held_rows<Number> rows_;
  std::vector<double> scale_;  // factor to unit length; 0 for a row of length zero
};

template <class Number>
row_products(matrix_view<const Number>) -> row_products<Number>;
row_products(const token::rows_view&, std::span<const std::size_t>) -> row_products<float>;

}  // namespace tamp::inline TAMP_FLAGS::detail
