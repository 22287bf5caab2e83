#pragma once

/// @file
/// The adapter of std::mdspan.

#include <version>
#if !defined(__cpp_lib_mdspan)
#  error "tamp/adapt/mdspan.hpp needs std::mdspan: C++23, and a standard library that has <mdspan>"
#endif

#include <cstddef>
#include <mdspan>
#include <type_traits>

#include "../tensor/traits.hpp"
#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The view of a std::mdspan in which every dimension has one stride: layout_right, layout_left,
/// layout_stride, and layouts of one's own that are always strided.
///
/// Two dimensions are a matrix, (rows, columns); one is a single row. Extents are static or dynamic,
/// of any type of index. Nothing is copied. An mdspan refers to its elements as a span does: a const
/// one can be written through, and one of const elements gives a view of const elements. The
/// accessor must read memory as it is: std::default_accessor, or one that converts to it. Other
/// dimensions, layouts and accessors are a compile-time error.
template <class T, class Extents, class Layout, class Accessor>
struct tensor_traits<std::mdspan<T, Extents, Layout, Accessor>> {
  static constexpr matrix_view<T> view(const std::mdspan<T, Extents, Layout, Accessor>& m) {
    constexpr std::size_t rank = Extents::rank();
    constexpr bool is_matrix = rank == 1 || rank == 2;
    constexpr bool is_strided = Layout::template mapping<Extents>::is_always_strided();
    constexpr bool is_plain = std::is_convertible_v<Accessor, std::default_accessor<T>>;
    static_assert(is_matrix,
                  "a matrix has 2 dimensions and a single row 1: make an mdspan of one matrix of "
                  "this tensor, with std::layout_stride if it has gaps");
    static_assert(is_strided,
                  "the layout of this mdspan has no stride for each dimension: copy it into one "
                  "with std::layout_right, or show its rows as a row_tensor");
    static_assert(is_plain,
                  "the accessor of this mdspan makes its elements as they are read: only those of "
                  "std::default_accessor can be viewed in memory");
    if constexpr (is_matrix && is_strided && is_plain) {
      const auto extent = [&](std::size_t d) { return static_cast<std::size_t>(m.extent(d)); };
      const auto stride = [&](std::size_t d) { return static_cast<std::ptrdiff_t>(m.stride(d)); };
      const std::size_t rows = rank == 1 ? 1 : extent(0), cols = extent(rank - 1);
      if (rows == 0 || cols == 0) return {nullptr, rows, cols};
      // A layout of one's own may begin anywhere, for example at the end.
      if constexpr (rank == 1)
        return {m.data_handle() + m.mapping()(0), rows, cols, 0, stride(0)};
      else
        return {m.data_handle() + m.mapping()(0, 0), rows, cols, stride(0), stride(1)};
    } else {
      return {};
    }
  }
};

}  // namespace tamp::inline TAMP_FLAGS
