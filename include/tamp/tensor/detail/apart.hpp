#pragma once

/// @file
/// The check that the elements of a view do not share memory.

#include <cstddef>
#include <numeric>
#include <string_view>

#include "../../error.hpp"
#include "../view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses a view in which two elements share their memory, as in a broadcast.
///
/// Elements that are `down` rows and `across` columns apart coincide if
///
///     down * |row_stride| = across * |col_stride|
///
/// The smallest solution is the strides, crosswise, divided by their greatest common divisor. All
/// other solutions are its multiples.
/// @throws shape_error that names two of the elements
template <class T>
void check_apart(std::string_view operation, matrix_view<T> m, std::string_view name) {
  if (m.empty()) return;
  const auto size_of = [](std::ptrdiff_t stride) {
    const auto step = static_cast<std::size_t>(stride);
    return stride < 0 ? std::size_t{0} - step : step;
  };
  const std::size_t row_step = size_of(m.row_stride()), col_step = size_of(m.col_stride());
  std::size_t down = 1, across = 0;  // the solution for a row stride of 0
  if (col_step == 0 && (m.cols() > 1 || row_step != 0)) {
    down = 0, across = 1;
  } else if (row_step != 0) {
    const std::size_t divisor = std::gcd(row_step, col_step);
    down = col_step / divisor, across = row_step / divisor;
  }
  if (down >= m.rows() || across >= m.cols()) return;
  const bool same_sign = (m.row_stride() < 0) == (m.col_stride() < 0);
  raise<shape_error>(operation, ": the elements (0, ", same_sign ? across : 0, ") and (", down,
                     ", ", same_sign ? 0 : across, ") of ", name,
                     " share their memory: its strides are ", m.row_stride(), " and ",
                     m.col_stride());
}

}  // namespace tamp::inline TAMP_FLAGS::detail
