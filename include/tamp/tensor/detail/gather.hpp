#pragma once

/// @file
/// Copies of chosen rows and columns of a tensor.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "../../element.hpp"
#include "../../execute/executor.hpp"
#include "../rows.hpp"
#include "../view.hpp"
#include "apart.hpp"
#include "source.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The rows, or the columns, of a tensor that are copied, in order.
class chosen_lines {
 public:
  /// All lines of an axis.
  explicit chosen_lines(std::size_t extent) noexcept : count_(extent), all_(true) {}
  /// The lines of a list, which must outlive this object.
  explicit chosen_lines(std::span<const std::size_t> indices) noexcept
      : indices_(indices.data()), count_(indices.size()), all_(false) {}

  std::size_t size() const noexcept { return count_; }
  bool all() const noexcept { return all_; }
  std::size_t operator[](std::size_t k) const noexcept { return all_ ? k : indices_[k]; }

 private:
  const std::size_t* indices_ = nullptr;
  std::size_t count_;
  bool all_;
};

/// Returns the element unchanged, or converts it through the type in which `To` computes.
template <class To, class From>
To converted(From value) noexcept {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else
    return element_traits<To>::store(
        static_cast<compute_type<To>>(element_traits<From>::load(value)));
}

/// Copies elements between views: to(i, j) = from(rows[i], cols[j]). Layouts that are contiguous in
/// the same direction are copied in that direction. Otherwise squares of 8 x 8 are copied: rows or
/// columns at a distance of a power of two share one set of the first-level cache, which has room
/// for 8 of their lines.
template <executor E, class From, class To>
void gather_view(const E& exec, matrix_view<From> from, chosen_lines rows, chosen_lines cols,
                 matrix_view<To> to) {
  using value = typename matrix_view<From>::value_type;
  if (from.contiguous_rows() && to.contiguous_rows()) {
    for_each_range(exec, rows.size(), cols.size(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const std::span<From> source = from.row(rows[i]);
        const std::span<To> target = to.row(i);
        if (cols.all())
          std::ranges::transform(source, target.begin(), converted<To, value>);
        else
          for (std::size_t j = 0; j < target.size(); ++j)
            target[j] = converted<To, value>(source[cols[j]]);
      }
    });
  } else if (from.contiguous_cols() && to.contiguous_cols()) {
    gather_view(exec, from.transposed(), cols, rows, to.transposed());
  } else {
    constexpr std::size_t side = 8;
    const std::size_t squares = cols.size() / side + (cols.size() % side != 0);
    for_each_range(exec, squares, [&](std::size_t begin, std::size_t end) {
      for (std::size_t square = begin; square < end; ++square) {
        const std::size_t left = square * side, right = (std::min)(left + side, cols.size());
        for (std::size_t top = 0; top < rows.size(); top += side) {
          const std::size_t bottom = (std::min)(top + side, rows.size());
          for (std::size_t j = left; j < right; ++j)
            for (std::size_t i = top; i < bottom; ++i)
              to(i, j) = converted<To, value>(from(rows[i], cols[j]));
        }
      }
    });
  }
}

/// Copies elements of the source form of any tensor into a view: to(i, j) = from(rows[i], cols[j]).
/// The caller, whose name is `who`, has checked indices and shapes.
/// @throws shape_error if elements of `to` share memory
template <executor E, class Source, class To>
void gather_lines(std::string_view who, const E& exec, const Source& from, chosen_lines rows,
                  chosen_lines cols, matrix_view<To> to) {
  static_assert(!std::is_const_v<To>, "gather writes to its last argument, which is const here");
  if (to.empty()) return;
  check_apart(who, to, "the output");
  if constexpr (is_view<Source>) {
    gather_view(exec, from, rows, cols, to);
  } else {
    for_each_range(exec, rows.size(), cols.size(), [&](std::size_t begin, std::size_t end) {
      row_reader read(from);
      for (std::size_t i = begin; i < end; ++i) {
        const auto row = read(rows[i]);
        for (std::size_t j = 0; j < cols.size(); ++j) to(i, j) = converted<To>(row[cols[j]]);
      }
    });
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
