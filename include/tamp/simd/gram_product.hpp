#pragma once

/// @file
/// Products of all pairs of rows, in blocks that stay in the cache.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../execute/executor.hpp"
#include "packed_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A block of a product, while it is in the cache: rows [top, bottom) by columns [left, right). A
/// block on the diagonal of a symmetric product has only the diagonal and the part above it.
template <class Real>
struct product_block {
  std::size_t top, bottom, left, right;
  bool is_diagonal;
  const Real* sums;
  std::size_t pitch;

  /// The first column of row i that the block has, and the row's products from there on.
  std::size_t begin(std::size_t i) const noexcept { return is_diagonal ? i : left; }
  std::span<const Real> row(std::size_t i) const noexcept {
    return {sums + (i - top) * pitch + (begin(i) - left), right - begin(i)};
  }
};

/// Returns the number of rows, and of columns, of a block. It is a multiple of every tile's, and so
/// small that the sums and one side's panels stay in the second-level cache. It is halved where
/// blocks are few, so that threads can share them.
template <class Real>
std::size_t block_side(std::size_t rows) noexcept {
  constexpr std::size_t largest = 768 / sizeof(Real);
  return rows < 8 * largest ? largest / 2 : largest;
}

/// Calls use(block) for all blocks of A B^T, the products of all rows of A with all rows of B. Both
/// are packed. Any thread may run any block. Each sum is made in a fixed order, so the bits do not
/// depend on the executor.
template <product_rounding Rounding = product_rounding::fused, executor E, class Real, class Use>
void for_each_product_block(const E& exec, const packed_rows<Real>& a, const packed_rows<Real>& b,
                            const Use& use) {
  const std::size_t side = block_side<Real>((std::max)(a.rows(), b.rows()));
  const std::size_t across = (b.rows() + side - 1) / side;
  detail::for_each_range(exec, (a.rows() + side - 1) / side * across, [&](auto first, auto last) {
    std::vector<Real> sums(side * side);
    for (std::size_t k = first; k < last; ++k) {
      const std::size_t top = k / across * side, left = k % across * side;
      std::fill(sums.begin(), sums.end(), Real{});
      a.template add_products<Rounding>(b, top, left, side, side, false, sums.data(), side);
      use(product_block<Real>{top, (std::min)(top + side, a.rows()), left,
                              (std::min)(left + side, b.rows()), false, sums.data(), side});
    }
  });
}

/// The same for A A^T, of which only the diagonal and the part above it are computed.
template <executor E, class Real, class Use>
void for_each_gram_block(const E& exec, const packed_rows<Real>& a, const Use& use) {
  const std::size_t side = block_side<Real>(a.rows());
  const std::size_t blocks = (a.rows() + side - 1) / side;
  detail::for_each_range(exec, blocks * (blocks + 1) / 2, [&](auto first, auto last) {
    std::vector<Real> sums(side * side);
    for (std::size_t k = first; k < last; ++k) {
      std::size_t i = 0, j = k;  // the row of blocks, and the block's place in it from the diagonal
      for (; j >= blocks - i; ++i) j -= blocks - i;
      const std::size_t top = i * side, left = (i + j) * side;
      std::fill(sums.begin(), sums.end(), Real{});
      a.add_products(a, top, left, side, side, j == 0, sums.data(), side);
      use(product_block<Real>{top, (std::min)(top + side, a.rows()), left,
                              (std::min)(left + side, a.rows()), j == 0, sums.data(), side});
    }
  });
}

/// Returns a function that adds blocks of a product, times `sign` (1 or -1), to a row-major matrix
/// whose rows are `pitch` numbers apart.
template <class Real>
auto add_blocks_to(Real* matrix, std::size_t pitch, Real sign) {
  return [=](const product_block<Real>& block) {
    with_products(execute::current_instructions(), [&](auto products) {
      for (std::size_t i = block.top; i < block.bottom; ++i) {
        const std::span<const Real> sums = block.row(i);
        products.template add_multiple<Real>(sums.data(), sums.size(), sign,
                                             matrix + i * pitch + block.begin(i));
      }
    });
  };
}

/// Copies the upper triangle of a square matrix to the lower one.
template <executor E, class Real>
void mirror_upper_triangle(const E& exec, std::size_t size, std::span<Real> matrix) {
  constexpr std::size_t strip = 64 / sizeof(Real);
  const std::size_t strips = (size + strip - 1) / strip;
  // Strip s takes s steps. All pairs of strips s and strips - 1 - s take the same number.
  detail::for_each_range(exec, (strips + 1) / 2, [&](std::size_t first, std::size_t last) {
    with_products(execute::current_instructions(), [&](auto products) {
      const auto work = [&](std::size_t s) {
        products.template mirror_rows<Real>(matrix.data(), size, s * strip,
                                            (std::min)((s + 1) * strip, size));
      };
      for (std::size_t s = first; s < last; ++s) {
        work(s);
        if (strips - 1 - s != s) work(strips - 1 - s);
      }
    });
  });
}

/// Adds the diagonal of A A^T and the part above it to `product`, (rows, rows), row-major.
template <executor E, class Real>
void add_upper_gram_product(const E& exec, const packed_rows<Real>& a, std::span<Real> product) {
  for_each_gram_block(exec, a, add_blocks_to(product.data(), a.rows(), Real{1}));
}

/// Adds A A^T, the products of all pairs of rows of A, to a symmetric `product`, (rows, rows),
/// row-major. The bits do not depend on the executor.
template <executor E, class Real>
void add_gram_product(const E& exec, const packed_rows<Real>& a, std::span<Real> product) {
  add_upper_gram_product(exec, a, product);
  mirror_upper_triangle(exec, a.rows(), product);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
