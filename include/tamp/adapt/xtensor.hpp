#pragma once

/// @file
/// The adapter of xtensor's containers, adaptors and strided views.

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <xtensor/xexpression.hpp>
#include <xtensor/xtensor_forward.hpp>
#include <xtensor/xutils.hpp>

#include "../error.hpp"
#include "../tensor/traits.hpp"
#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Derived>
void take_xexpression(const xt::xexpression<Derived>&);

/// Any expression of xtensor, with elements in memory or computed on demand.
template <class T>
concept xtensor_expression = requires(const T& tensor) { detail::take_xexpression(tensor); };

/// The type that refers to an element: a reference, or a value that was computed.
template <class T>
using xtensor_reference = decltype(std::declval<T&>().element(std::declval<const std::size_t*>(),
                                                              std::declval<const std::size_t*>()));

template <class T>
inline constexpr bool xtensor_in_memory =
    std::is_reference_v<xtensor_reference<T>> && requires(T& tensor) {
      tensor.data();
      tensor.strides();
    };

/// The type of the elements. xtensor itself decides whether it is const. (The type that data()
/// points to is not const for an adaptor of a const container.)
template <class T>
using xtensor_element =
    std::conditional_t<xtensor_in_memory<T>, std::remove_reference_t<xtensor_reference<T>>,
                       const typename T::value_type>;

template <class Elements, xt::layout_type Layout, class Shape, class Tag>
std::true_type owns_xtensor_elements(const xt::xarray_container<Elements, Layout, Shape, Tag>&);
template <class Elements, std::size_t Rank, xt::layout_type Layout, class Tag>
std::true_type owns_xtensor_elements(const xt::xtensor_container<Elements, Rank, Layout, Tag>&);
template <class T, class Shape, xt::layout_type Layout, bool Sharable, class Tag>
std::true_type owns_xtensor_elements(const xt::xfixed_container<T, Shape, Layout, Sharable, Tag>&);
std::false_type owns_xtensor_elements(...);

/// The number of dimensions if the type fixes it, else SIZE_MAX.
template <class T>
inline constexpr std::size_t xtensor_rank = xt::get_rank<std::remove_const_t<T>>::value;

}  // namespace detail

/// The view of everything in xtensor with elements in memory, row- or column-major: xarray,
/// xtensor, xtensor_fixed, xt::adapt, and xt::view, xt::strided_view or xt::transpose of one of
/// them.
///
/// Nothing is copied. The elements must outlive the view. Two dimensions are a matrix, one is a
/// single row. Const objects give a view of const elements. Functions of arrays (a + b) and views
/// without fixed strides (xt::keep, xt::filter) have no elements at fixed strides. Their use is a
/// compile-time error, which says to evaluate them first.
/// @throws shape_error for another number of dimensions, if the type leaves it open
template <detail::xtensor_expression T>
struct tensor_traits<T> {
  static constexpr bool owns_elements =
      decltype(detail::owns_xtensor_elements(std::declval<const T&>()))::value;

  // `Tensor` is T or const T. With an explicit return type, a concept can ask whether an expression
  // is a tensor without instantiating the assertion, which is for code that uses it as one.
  template <class Tensor>
  static matrix_view<detail::xtensor_element<Tensor>> view(Tensor& tensor) {
    static_assert(detail::xtensor_in_memory<Tensor>,
                  "this xtensor expression has no elements at fixed strides in memory: evaluate it "
                  "with xt::eval, or into an xt::xtensor, first");
    constexpr std::size_t rank = detail::xtensor_rank<Tensor>;
    static_assert(rank == 1 || rank == 2 || rank == static_cast<std::size_t>(-1),
                  "a matrix has 2 dimensions and a single row 1: take an xt::view of this tensor");
    if constexpr (detail::xtensor_in_memory<Tensor>) {
      const std::size_t dimensions = tensor.dimension();
      if (dimensions != 1 && dimensions != 2)
        detail::raise<shape_error>(
            "xtensor: a matrix has 2 dimensions and a single row 1, this tensor has ", dimensions);
      const bool is_row = dimensions == 1;
      const auto extent = [&](std::size_t d) {
        return static_cast<std::size_t>(tensor.shape()[d]);
      };
      const auto stride = [&](std::size_t d) {
        return static_cast<std::ptrdiff_t>(tensor.strides()[d]);
      };
      const std::size_t rows = is_row ? 1 : extent(0), cols = extent(dimensions - 1);
      if (rows == 0 || cols == 0) return {nullptr, rows, cols};
      // data() + data_offset() would be shorter, but is wrong in xtensor 0.24 for a view that adds
      // an axis to a view with a step.
      const std::size_t origin[2] = {0, 0};
      return {std::addressof(tensor.element(origin, origin + dimensions)), rows, cols,
              is_row ? 0 : stride(0), stride(dimensions - 1)};
    } else {
      return {};
    }
  }
};

}  // namespace tamp::inline TAMP_FLAGS
