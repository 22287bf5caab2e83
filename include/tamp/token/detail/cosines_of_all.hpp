#pragma once

/// @file
/// The cosines of all pairs of a matrix's rows, at once.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../../detail/square_root.hpp"
#include "../../execute/sequential.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/packed_rows.hpp"
#include "../rows_view.hpp"
#include "row_products.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the cosines of all pairs of some rows: (chosen.size(), chosen.size()), row-major. For
/// many pairs it is several times as fast as row_products. The order of sums and the cosines of
/// rows of length zero and of copies are as in row_products.
inline std::vector<double> cosines_of_all(const token::rows_view& rows,
                                          std::span<const std::size_t> chosen) {
  const execute::sequential exec;
  const std::size_t n = chosen.size();
  std::vector<double> cosines(n * n), scale(n);
  const auto packed = pack_by_rows<double>(exec, n, rows.cols(), [&] {
    return [&, read = row_reader(rows)](std::size_t i, double* to) mutable {
      const std::span<const float> row = read(chosen[i]);
      std::copy(row.begin(), row.end(), to);
    };
  });
  add_gram_product(exec, packed, std::span(cosines));
  for (std::size_t i = 0; i < n; ++i) {
    const double squared = cosines[i * (n + 1)];
    scale[i] = squared == 0 ? 0.0 : 1 / square_root(squared);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      cosines[i * n + j] = cosine_of(cosines[i * n + j], scale[i] * scale[j]);
  return cosines;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
