#pragma once

/// @file
/// Copies of chosen rows or columns of a weight into a smaller weight.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

inline void check_gather(std::string_view who, std::string_view what,
                         std::span<const std::size_t> indices, std::size_t there) {
  check_list(who, "indices", indices);
  for (std::size_t k = 0; k < indices.size(); ++k)
    if (indices[k] >= there)
      raise<shape_error>(who, ": index ", k, " is ", what, ' ', indices[k], " of ", there);
}

inline void check_gathered(std::string_view who, std::size_t out_rows, std::size_t out_cols,
                           std::size_t rows, std::size_t cols) {
  if (out_rows != rows || out_cols != cols)
    raise<shape_error>(who, ": what is chosen is ", rows, " x ", cols, ", the output ", out_rows,
                       " x ", out_cols);
}

/// Returns the element unchanged, or converts it through the type in which `To` computes.
template <class To, class From>
To converted(From value) noexcept {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else
    return element_traits<To>::store(
        static_cast<compute_type<To>>(element_traits<From>::load(value)));
}

/// Gathers rows of a view: to(k, j) = from(indices[k], j). Layouts that are contiguous in the same
/// direction are copied in that direction. Otherwise squares of 8 x 8 are copied: rows or columns
/// at a distance of a power of two share one set of the first-level cache, which has room for 8 of
/// their lines.
template <executor E, class From, class To>
void gather_view(const E& exec, matrix_view<From> from, std::span<const std::size_t> indices,
                 matrix_view<To> to) {
  using value = typename matrix_view<From>::value_type;
  const auto copy = [&](std::size_t k, std::size_t j) {
    to(k, j) = converted<To, value>(from(indices[k], j));
  };
  if (from.contiguous_rows() && to.contiguous_rows()) {
    detail::for_each_range(exec, indices.size(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k)
        std::ranges::transform(from.row(indices[k]), to.row(k).begin(), converted<To, value>);
    });
  } else if (from.contiguous_cols() && to.contiguous_cols()) {
    detail::for_each_range(exec, from.cols(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t j = begin; j < end; ++j) {
        const std::span<From> column = from.transposed().row(j);
        std::ranges::transform(indices, to.transposed().row(j).begin(), [&](std::size_t index) {
          return converted<To, value>(column[index]);
        });
      }
    });
  } else {
    constexpr std::size_t side = 8;
    detail::for_each_range(
        exec, (from.cols() + side - 1) / side, [&](std::size_t begin, std::size_t end) {
          for (std::size_t square = begin; square < end; ++square) {
            const std::size_t first = square * side, last = (std::min)(first + side, from.cols());
            for (std::size_t top = 0; top < indices.size(); top += side) {
              const std::size_t bottom = (std::min)(top + side, indices.size());
              for (std::size_t j = first; j < last; ++j)
                for (std::size_t k = top; k < bottom; ++k) copy(k, j);
            }
          }
        });
  }
}

/// The lines of a weight that an operation gathers.
enum class gathered { rows, columns };

/// Checks the arguments of gather_rows or gather_columns, whose name is `who`, and gathers.
template <gathered Lines, executor E, class Source, class T>
void gather_lines(std::string_view who, const E& exec, const Source& from,
                  std::span<const std::size_t> indices, matrix_view<T> to) {
  constexpr bool of_rows = Lines == gathered::rows;
  const auto rows = static_cast<std::size_t>(from.rows());
  const auto cols = static_cast<std::size_t>(from.cols());
  check_gather(who, of_rows ? "row" : "column", indices, of_rows ? rows : cols);
  check_gathered(who, to.rows(), to.cols(), of_rows ? indices.size() : rows,
                 of_rows ? cols : indices.size());
  if (to.empty()) return;
  if constexpr (!is_view<Source>) {
    detail::for_each_range(exec, to.rows(), [&](std::size_t begin, std::size_t end) {
      detail::row_reader read(from);
      for (std::size_t i = begin; i < end; ++i) {
        const auto row = read(of_rows ? indices[i] : i);
        for (std::size_t j = 0; j < to.cols(); ++j)
          to(i, j) = converted<T>(row[of_rows ? j : indices[j]]);
      }
    });
  } else if constexpr (of_rows) {
    gather_view(exec, from, indices, to);
  } else {
    gather_view(exec, from.transposed(), indices, to.transposed());
  }
}

/// The same, of any tensors.
template <gathered Lines, executor E, class Weight, class Out>
void gather(std::string_view who, const E& exec, const Weight& weight,
            std::span<const std::size_t> indices, Out&& out) {
  with_target(out, [&](auto& to) {
    if constexpr (viewable<decltype(to)>)
      with_source(weight,
                  [&](const auto& from) { gather_lines<Lines>(who, exec, from, indices, to); });
    else
      raise<value_error>(who, ": the output is a tensor without elements in memory");
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::compute {

/// The type of compute::gather_rows.
struct gather_rows_operation : tamp::detail::operation<gather_rows_operation> {
  using tamp::detail::operation<gather_rows_operation>::operator();

  template <executor E, tensor_argument Weight, class Out>
    requires(viewable<Out> || any_tensor<Out>)
  void operator()(const E& exec, const Weight& weight, std::span<const std::size_t> indices,
                  Out&& out) const {
    detail::gather<detail::gathered::rows>("gather_rows", exec, weight, indices, out);
  }
};

/// Copies rows of W, (rows, cols), so that row k of `out`, (indices, cols), is row indices[k]:
/// gather_rows(where, W, indices, out).
///
/// Use it once for each image, to make the gate and up projections of the channels that
/// compute::dynamic_ffn has chosen. An ordinary product with the smaller weight then computes those
/// channels alone. `out` is the host's memory, of any strides and any type of element. Elements of
/// the same type are copied to the bit. `out` must not overlap W. Indices may come in any order and
/// repeat.
/// @throws shape_error if an index is no row of W or `out` has another shape; nothing is written
inline constexpr gather_rows_operation gather_rows{};

/// The type of compute::gather_columns.
struct gather_columns_operation : tamp::detail::operation<gather_columns_operation> {
  using tamp::detail::operation<gather_columns_operation>::operator();

  template <executor E, tensor_argument Weight, class Out>
    requires(viewable<Out> || any_tensor<Out>)
  void operator()(const E& exec, const Weight& weight, std::span<const std::size_t> indices,
                  Out&& out) const {
    detail::gather<detail::gathered::columns>("gather_columns", exec, weight, indices, out);
  }
};

/// Copies columns of W, (rows, cols), so that column k of `out`, (rows, indices), is column
/// indices[k]: gather_columns(where, W, indices, out). Use it for the down projection of the chosen
/// channels. `out` and indices are as in gather_rows.
/// @throws shape_error if an index is no column of W or `out` has another shape; nothing is written
inline constexpr gather_columns_operation gather_columns{};

}  // namespace tamp::inline TAMP_FLAGS::compute
