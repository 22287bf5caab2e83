#pragma once

/// @file
/// The cosines of all pairs of a matrix's rows, at once.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/large_array.hpp"
#include "../../detail/square_root.hpp"
#include "../../execute/sequential.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/packed_rows.hpp"
#include "../../simd/similar_rows.hpp"
#include "../rows_view.hpp"
#include "row_products.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The cosines of all pairs of some rows. For many pairs this is several times as fast as
/// row_products. The order of sums and the cosines of rows of length zero and of copies are as in
/// row_products. Memory: n^2 numbers, and n d more while they are made.
class cosines_of_all {
 public:
  /// @throws shape_error if memory cannot hold the cosines
  cosines_of_all(std::string_view who, const token::rows_view& rows,
                 std::span<const std::size_t> chosen)
      : rows_(chosen.size()), cosines_(checked_product(who, rows_, rows_)) {
    const execute::sequential exec;
    const auto packed = pack_by_rows<double>(exec, rows_, rows.cols(), [&] {
      return [&, read = row_reader(rows)](std::size_t i, double* to) mutable {
        const std::span<const float> row = read(chosen[i]);
        std::copy(row.begin(), row.end(), to);
      };
    });
    for_each_gram_block(exec, packed, [&](const product_block<double>& block) {
      for (std::size_t i = block.top; i < block.bottom; ++i) {
        const std::span<const double> products = block.row(i);
        std::copy(products.begin(), products.end(), cosines_.data() + i * rows_ + block.begin(i));
      }
    });
    std::vector<double> scale(rows_);
    for (std::size_t i = 0; i < rows_; ++i) {
      const double squared = cosines_.data()[i * (rows_ + 1)];
      scale[i] = squared == 0 ? 0.0 : 1 / square_root(squared);
    }
    with_similar_rows([&](auto similar) {
      for (std::size_t i = 0; i < rows_; ++i)
        similar.make_cosines(cosines_.data() + i * (rows_ + 1), scale.data() + i, rows_ - i,
                             scale[i]);
    });
    mirror_upper_triangle(exec, rows_, std::span(cosines_.data(), rows_ * rows_));
  }

  /// The number of chosen rows.
  std::size_t rows() const noexcept { return rows_; }
  /// The cosines of chosen row i and all chosen rows.
  std::span<const double> operator[](std::size_t i) const noexcept {
    return {cosines_.data() + i * rows_, rows_};
  }

 private:
  std::size_t rows_;
  large_array<double> cosines_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
