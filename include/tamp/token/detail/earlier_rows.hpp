#pragma once

/// @file
/// Rows of tokens, each beside the row that took its place before.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../../detail/checked.hpp"
#include "../rows_view.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The rows of some tokens at a time, one for each of some places, and the row that each place had
/// before. Rows of floats in one piece are held in place; others are converted into a buffer of two
/// rows for each place.
class earlier_rows {
 public:
  earlier_rows(const token::rows_view& rows, std::size_t places)
      : read_(rows), cols_(rows.cols()), row_(places), second_(places) {
    if (!rows.in_place())
      buffer_ = checked_array<float>(
          "tokens", checked_product("tokens", checked_product("tokens", places, 2), cols_));
  }

  /// The row that the last call of `next` gave this place, or null. It is valid until the call
  /// after the next one.
  const float* before(std::size_t place) const noexcept { return row_[place]; }

  /// Returns the row of a token, which is from now on that of this place.
  const float* next(std::size_t place, std::size_t token) {
    const std::span<const float> row = read_(token);
    row_[place] = row.data();
    if (buffer_.empty()) return row_[place];
    float* const copy = buffer_.data() + (2 * place + second_[place]) * cols_;
    std::copy(row.begin(), row.end(), copy);
    second_[place] ^= 1;
    return row_[place] = copy;
  }

 private:
  row_reader<token::rows_view> read_;
  std::size_t cols_;
  std::vector<const float*> row_;
  std::vector<std::size_t> second_;  // 1: the next row of the place goes into its second half
  std::vector<float> buffer_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
