#pragma once

/// @file
/// Rows that are written to tensors without strides, and read back.

#include <bit>
#include <cstddef>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../mask/bitmask.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A record of the first row in which a dropped weight did not become 0. Thread-safe.
class lost_zeros {
 public:
  /// Checks a row that was read back. Returns true if all dropped weights are 0.
  bool look_at(std::size_t i, std::span<const float> row, std::span<const mask::word> keep) {
    for (std::size_t w = 0; w < keep.size(); ++w) {
      const std::size_t begin = w * mask::word_bits;
      for (mask::word dropped = ~keep[w]; dropped != 0; dropped &= dropped - 1) {
        const std::size_t j = begin + static_cast<std::size_t>(std::countr_zero(dropped));
        if (j >= row.size()) break;
        if (row[j] == 0) continue;
        const std::lock_guard lock(noting_);
        if (!any_ || i < row_) any_ = true, row_ = i, column_ = j, read_ = row[j];
        return false;
      }
    }
    return true;
  }

  /// @throws value_error that names the first row, its first column and the number read
  void raise_if_any(std::string_view operation, std::string_view layer,
                    std::string_view what_remains) const {
    if (any_)
      raise<value_error>(operation, ": the weight in row ", row_, ", column ", column_,
                         of_layer(layer), " was set to 0 and reads back as ", read_, "; ",
                         what_remains);
  }

 private:
  std::mutex noting_;
  bool any_ = false;
  std::size_t row_ = 0, column_ = 0;
  float read_ = 0;
};

/// Writes and reads back rows, as storage that quantises numbers may have no zero.
///
/// `make_row(i, row)` modifies the current row and returns true if it is to be written. A row that
/// does not hold 0 where `keep` drops is restored.
/// @throws value_error that names the first weight that is not 0, after all rows have been tried:
///         rows that hold their zeros are written, the others restored
template <executor E, writable_row_tensor Weight, class MakeRow>
void write_rows(const E& exec, std::string_view operation, std::string_view layer,
                const mask::bitmask& keep, Weight& weight, const MakeRow& make_row) {
  lost_zeros lost;
  for_each_range(exec, keep.rows(), keep.cols(), [&](std::size_t begin, std::size_t end) {
    std::vector<float> before(keep.cols()), row;
    for (std::size_t i = begin; i < end; ++i) {
      weight.read_row(i, std::span(before));
      row = before;
      if (!make_row(i, std::span(row))) continue;
      weight.write_row(i, std::span<const float>(row));
      weight.read_row(i, std::span(row));
      if (!lost.look_at(i, row, keep.row(i))) weight.write_row(i, std::span<const float>(before));
    }
  });
  lost.raise_if_any(operation, layer,
                    "rows in which such a weight is not 0 were left as they were");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
