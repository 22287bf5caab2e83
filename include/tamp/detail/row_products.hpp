#pragma once

/// @file
/// Products and cosines of pairs of a matrix's rows, as they are asked for.

#include <cmath>
#include <cstddef>
#include <vector>

#include "../tensor/view.hpp"

namespace tamp::detail {

/// Products of pairs of rows, and their cosines. Sums are in double, in an order that depends on
/// neither the rows' places nor the layout. Rows that lie in one piece are read where they are, and
/// must stay; others are copied once. The cosine of a row of length zero and any other is zero.
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
      scale_.push_back(squared == 0 ? 0.0 : 1 / std::sqrt(squared));
    }
  }
  row_products(const row_products&) = delete;
  row_products& operator=(const row_products&) = delete;

  bool is_zero(std::size_t i) const noexcept { return scale_[i] == 0; }

  double dot(std::size_t i, std::size_t j) const noexcept {
    constexpr std::size_t width = 8;  // sums that do not wait for each other
    const Number *a = rows_.row(i).data(), *b = rows_.row(j).data();
    double sums[width] = {};
    std::size_t k = 0;
    for (; k + width <= rows_.cols(); k += width)
      for (std::size_t lane = 0; lane < width; ++lane)
        sums[lane] += static_cast<double>(a[k + lane]) * static_cast<double>(b[k + lane]);
    for (; k < rows_.cols(); ++k)
      sums[k % width] += static_cast<double>(a[k]) * static_cast<double>(b[k]);
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }

  double cosine(std::size_t i, std::size_t j) const noexcept {
    return dot(i, j) * (scale_[i] * scale_[j]);
  }

 private:
  matrix_view<const Number> rows_;
  std::vector<Number> copy_;
  std::vector<double> scale_;  // to unit length; 0 for a row of length zero
};

template <class Number>
row_products(matrix_view<const Number>) -> row_products<Number>;

}  // namespace tamp::detail
