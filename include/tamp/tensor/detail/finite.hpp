#pragma once

/// @file
/// The search for the first number of a tensor that is not finite.

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../simd/finite_checks.hpp"
#include "../rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The lowest row with a fault. Any thread may note one; the class is thread-safe.
class first_row {
 public:
  void note(std::size_t row) noexcept {
    std::size_t seen = row_.load(std::memory_order_relaxed);
    while (row < seen && !row_.compare_exchange_weak(seen, row, std::memory_order_relaxed)) {
    }
  }
  bool any() const noexcept { return row() != none; }
  std::size_t row() const noexcept { return row_.load(std::memory_order_relaxed); }

 private:
  static constexpr auto none = static_cast<std::size_t>(-1);
  std::atomic<std::size_t> row_ = none;
};

/// Returns " of NAME" for error sentences, or nothing for an empty name.
inline std::string of_layer(std::string_view layer) {
  return layer.empty() ? std::string() : sentence(" of ", layer);
}

/// Returns true if all numbers of row i are finite. `read` must read the rows of `weight`.
template <class Loops, class Source>
bool row_is_finite(Loops loops, const Source& weight, row_reader<Source>& read, std::size_t i) {
  return with_elements(weight, read, i,
                       [&](auto row) { return loops.row_is_finite(row.data(), row.size()); });
}

/// A number that is not finite, and its place. False if there is none.
template <class Real>
struct placed_number {
  bool found = false;
  std::size_t row = 0, column = 0;
  Real value{};

  explicit operator bool() const noexcept { return found; }
};

/// Returns the first number in rows [first, last), in row-major order, that is not finite. It
/// examines one number after another, and is for tensors that are known to have one.
template <class Source>
placed_number<row_value<Source>> first_not_finite(const Source& tensor, std::size_t first,
                                                  std::size_t last) {
  row_reader<std::remove_cvref_t<Source>> read(tensor);
  for (std::size_t i = first; i < last; ++i) {
    const auto row = read(i);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!is_finite(row[j])) return {true, i, j, row[j]};
  }
  return {};
}

/// Refuses a weight that is not finite from row `first` on.
/// @throws value_error that names the first number, in row-major order, that is not finite
template <class Source>
void refuse_not_finite(const Source& weight, std::size_t first, std::string_view operation,
                       std::string_view layer) {
  if (const auto at = first_not_finite(weight, first, static_cast<std::size_t>(weight.rows())))
    raise<value_error>(operation, ": the weight in row ", at.row, ", column ", at.column,
                       of_layer(layer), " is ", at.value);
}

/// Checks that all numbers of a weight are finite.
/// @throws value_error that names the first one, in row-major order, that is not
template <executor E, class Source>
void check_finite(const E& exec, const Source& weight, std::string_view operation,
                  std::string_view layer) {
  first_row broken;
  const auto rows = static_cast<std::size_t>(weight.rows());
  const auto cols = static_cast<std::size_t>(weight.cols());
  if (rows == 0 || cols == 0) return;
  for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
    row_reader<Source> read(weight);
    with_finite_checks([&](auto loops) {
      for (std::size_t i = begin; i < end; ++i)
        if (!row_is_finite(loops, weight, read, i)) broken.note(i);
    });
  });
  if (broken.any()) refuse_not_finite(weight, broken.row(), operation, layer);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
