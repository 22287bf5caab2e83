#pragma once

/// @file
/// The two forms of a pattern and the checks of the masks that they write.

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../role.hpp"
#include "../../tensor/detail/finite.hpp"
#include "any_scored_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A pattern that decides row by row: `row_selector<Score>(cols, sparsity)` gives an object that is
/// called with (scores of a row, words of its mask).
///
/// A pattern of either form decides how many weights stay. The sparsity is a request, and the
/// number of weights kept is not checked against it. Reports show both.
template <class Pattern, class Score>
concept row_pattern = requires { typename Pattern::template row_selector<Score>; };

/// True if a row of a mask has bits past its last column.
inline bool has_bits_past(std::span<const mask::word> row, std::size_t cols) noexcept {
  return cols % mask::word_bits != 0 && row.back() >> (cols % mask::word_bits) != 0;
}

/// Lets a pattern write the mask of the weights that stay.
/// @throws shape_error if the pattern changes the shape of the mask
/// @throws value_error if the pattern sets bits past the last column, naming the first row
template <class Score, class Pattern>
void choose(const any_executor& exec, const Pattern& pattern, const any_scored_rows<Score>& scored,
            double sparsity, mask::bitmask& keep, std::string_view operation,
            std::string_view layer) {
  const std::size_t rows = keep.rows(), cols = keep.cols();
  first_row broken;
  const auto check_row = [&](std::size_t i) {
    if (has_bits_past(std::as_const(keep).row(i), cols)) broken.note(i);
  };
  if constexpr (row_pattern<Pattern, Score>) {
    scored.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
      typename Pattern::template row_selector<Score> select_row(cols, sparsity);
      for (std::size_t i = begin; i < end; ++i) {
        select_row(read_scores(i), keep.row(i));
        check_row(i);
      }
    });
  } else {
    pattern.select_tensor(exec, scored, sparsity, keep);
    if (keep.rows() != rows || keep.cols() != cols)
      raise<shape_error>(operation, ": the pattern ", label(pattern), " made a mask of ",
                         keep.rows(), " x ", keep.cols(), " for a weight", of_layer(layer), " of ",
                         rows, " x ", cols);
    for (std::size_t i = 0; cols != 0 && i < rows; ++i) check_row(i);
  }
  if (broken.any())
    raise<value_error>(operation, ": the pattern ", label(pattern), " set bits past the last of ",
                       cols, " columns in the mask of row ", broken.row(), of_layer(layer));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
