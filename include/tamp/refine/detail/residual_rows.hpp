#pragma once

/// @file
/// The rows that a pruned weight lacks, and their products with the Gram matrix.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/packed_rows.hpp"
#include "../../simd/similar_rows.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a mask of another shape than the weight's.
template <class Weight>
void check_mask_covers(std::string_view operation, std::string_view layer, const Weight& weight,
                       const mask::bitmask& keep) {
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  if (keep.rows() != rows || keep.cols() != cols)
    raise<shape_error>(operation, ": the mask is ", keep.rows(), " x ", keep.cols(), ", the weight",
                       of_layer(layer), ' ', rows, " x ", cols);
}

/// Calls body(i, r, c) for each row r of a matrix R, with c = r G. A thread calls make_read() once
/// and the result as read(i, r), which writes row i of R, and make_body() likewise. `body` may
/// change r and c.
///
/// Every c is summed in a fixed order and without fused multiplication: the bits depend neither on
/// the executor nor on the set of instructions. Memory: one matrix of
/// the size of G, and two times 512 rows.
template <executor E, class MakeRead, class MakeBody>
void for_each_residual(const E& exec, std::string_view operation, std::size_t rows,
                       matrix_view<const double> gram, const MakeRead& make_read,
                       const MakeBody& make_body) {
  constexpr std::size_t together = 512;
  const std::size_t cols = gram.cols(), most = (std::min)(rows, together);
  if (rows == 0 || cols == 0) return;
  checked_matrix(operation, most, cols, sizeof(double));
  const packed_rows<double> products = pack_by_rows<double>(exec, cols, cols, [&] {
    return [&](std::size_t i, double* to) { std::copy_n(&gram(i, 0), cols, to); };
  });
  std::vector<double> residuals(most * cols), sums(most * cols);
  for (std::size_t first = 0; first < rows; first += together) {
    const std::size_t height = (std::min)(together, rows - first);
    const packed_rows<double> packed = pack_by_rows<double>(exec, height, cols, [&] {
      return [&, read = make_read()](std::size_t k, double* to) mutable {
        double* const row = residuals.data() + k * cols;
        read(first + k, row);
        std::copy_n(row, cols, to);
      };
    });
    std::fill_n(sums.begin(), height * cols, 0.0);
    for_each_product_block<product_rounding::separate>(exec, packed, products,
                                                       add_blocks_to(sums.data(), cols, 1.0));
    detail::for_each_range(exec, height, cols, [&](std::size_t begin, std::size_t end) {
      auto body = make_body();
      for (std::size_t k = begin; k < end; ++k)
        body(first + k, residuals.data() + k * cols, sums.data() + k * cols);
    });
  }
}

/// Returns the dot product of two rows, in a fixed order.
inline double dot_of_rows(const double* a, const double* b, std::size_t count) noexcept {
  return with_similar_rows([&](auto loops) { return loops.dot(a, b, count); });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
