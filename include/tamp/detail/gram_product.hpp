#pragma once

/// @file
/// Products of all pairs of rows.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../execute/executor.hpp"

namespace tamp::detail {

/// Rows of numbers, packed for gram_product: panels of `width` rows, in which the k-th numbers of
/// all rows of the panel lie side by side. Rows that fill up the last panel are zero.
template <class Real>
class packed_rows {
 public:
  static constexpr std::size_t width = 8;

  packed_rows(std::size_t rows, std::size_t cols)
      : rows_(rows), cols_(cols), numbers_((rows + width - 1) / width * width * cols) {}

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  std::size_t panels() const noexcept { return (rows_ + width - 1) / width; }
  const Real* panel(std::size_t p) const noexcept { return numbers_.data() + p * width * cols_; }

  template <class Number>
  void put(std::size_t row, std::span<const Number> numbers) {
    const std::size_t first = row / width * width * cols_ + row % width;
    for (std::size_t k = 0; k < cols_; ++k)
      numbers_[first + k * width] = static_cast<Real>(numbers[k]);
  }
  template <class Number>
  void put_column(std::size_t col, std::span<const Number> numbers) {
    for (std::size_t row = 0; row < rows_; ++row)
      numbers_[(row / width * cols_ + col) * width + row % width] = static_cast<Real>(numbers[row]);
  }

 private:
  std::size_t rows_, cols_;
  std::vector<Real> numbers_;
};

/// Sums of products of all rows of two panels, over columns [begin, end): sums[i][j].
///
/// Each number that is loaded takes part in `width` products, and the width^2 sums stay in
/// registers: the arithmetic, not the memory, sets the pace.
template <class Real>
void multiply_panels(const Real* left, const Real* right, std::size_t begin, std::size_t end,
                     Real (&sums)[packed_rows<Real>::width][packed_rows<Real>::width]) noexcept {
  constexpr std::size_t width = packed_rows<Real>::width;
  constexpr std::size_t half = width / 2;  // half a square at a time has room in 16 registers
  for (std::size_t first = 0; first < width; first += half) {
    Real part[half][width] = {};
    for (std::size_t k = begin; k < end; ++k) {
      const Real *a = left + k * width + first, *b = right + k * width;
      for (std::size_t i = 0; i < half; ++i)
        for (std::size_t j = 0; j < width; ++j) part[i][j] += a[i] * b[j];
    }
    for (std::size_t i = 0; i < half; ++i)
      for (std::size_t j = 0; j < width; ++j) sums[first + i][j] = part[i][j];
  }
}

/// Adds A A^T to `product`, (rows, rows), row after row: the products of all pairs of rows of A.
///
/// Only pairs i <= j are multiplied; the others are mirrored. Columns are taken in runs of 512,
/// whose sums are added up in the type of `product`, so that long sums of floats stay as good as
/// short ones. Each square of the result is the work of one thread in a fixed order: the bits do
/// not depend on the executor.
template <executor E, class Real, class Sum>
void add_gram_product(const E& exec, const packed_rows<Real>& a, std::span<Sum> product) {
  constexpr std::size_t width = packed_rows<Real>::width, run = 512;
  const std::size_t rows = a.rows(), panels = a.panels();
  // Panel p has panels - p squares: paired with panel (panels - 1 - p) all pairs cost the same.
  exec.for_each_range((panels + 1) / 2, [&](std::size_t begin, std::size_t end) {
    const auto work = [&](std::size_t p) {
      for (std::size_t first = 0; first < a.cols() || first == 0; first += run) {
        const std::size_t last = (std::min)(first + run, a.cols());
        for (std::size_t q = p; q < panels; ++q) {
          Real sums[width][width];
          multiply_panels<Real>(a.panel(p), a.panel(q), first, last, sums);
          const std::size_t height = (std::min)(width, rows - p * width);
          const std::size_t across = (std::min)(width, rows - q * width);
          for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < across; ++j)
              product[(p * width + i) * rows + q * width + j] += static_cast<Sum>(sums[i][j]);
        }
      }
    };
    for (std::size_t p = begin; p < end; ++p) {
      work(p);
      if (panels - 1 - p != p) work(panels - 1 - p);
    }
  });
  exec.for_each_range(rows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = 0; j < i / width * width; ++j)
        product[i * rows + j] = product[j * rows + i];
  });
}

}  // namespace tamp::detail
