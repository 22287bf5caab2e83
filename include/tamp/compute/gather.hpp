#pragma once

/// @file
/// Copies of chosen rows or columns of a weight into a smaller weight.

#include <cstddef>
#include <span>
#include <string_view>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../tensor/detail/gather.hpp"
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

/// The lines of a weight that an operation gathers.
enum class gathered { rows, columns };

/// Checks the arguments of gather_rows or gather_columns, whose name is `who`, and gathers.
template <gathered Lines, executor E, class Source, class T>
void gather_checked(std::string_view who, const E& exec, const Source& from,
                    std::span<const std::size_t> indices, matrix_view<T> to) {
  constexpr bool of_rows = Lines == gathered::rows;
  const auto rows = static_cast<std::size_t>(from.rows());
  const auto cols = static_cast<std::size_t>(from.cols());
  check_gather(who, of_rows ? "row" : "column", indices, of_rows ? rows : cols);
  check_gathered(who, to.rows(), to.cols(), of_rows ? indices.size() : rows,
                 of_rows ? cols : indices.size());
  const chosen_lines chosen(indices);
  gather_lines(who, exec, from, of_rows ? chosen : chosen_lines(rows),
               of_rows ? chosen_lines(cols) : chosen, to);
}

/// The same, of any tensors.
template <gathered Lines, executor E, class Weight, class Out>
void gather(std::string_view who, const E& exec, const Weight& weight,
            std::span<const std::size_t> indices, Out&& out) {
  with_target(out, [&](auto& to) {
    if constexpr (viewable<decltype(to)>)
      with_source(weight,
                  [&](const auto& from) { gather_checked<Lines>(who, exec, from, indices, to); });
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
/// @throws shape_error if an index is no row of W, `out` has another shape, or elements of `out` share
///         memory; nothing is written
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
/// @throws shape_error if an index is no column of W, `out` has another shape, or elements of `out`
///         share memory; nothing is written
inline constexpr gather_columns_operation gather_columns{};

}  // namespace tamp::inline TAMP_FLAGS::compute
