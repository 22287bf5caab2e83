#pragma once

/// @file
/// Eigen's matrices, arrays, maps, references, blocks and transposes, and its 16-bit numbers.

#include <Eigen/Core>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "../element.hpp"
#include "../tensor/traits.hpp"
#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

template <class Derived>
void take_eigen_dense(const Eigen::DenseBase<Derived>&);

/// A dense Eigen object, whether it has elements in memory or computes them when asked.
template <class T>
concept eigen_dense = requires(const T& tensor) { detail::take_eigen_dense(tensor); };

template <class T>
inline constexpr bool eigen_in_memory = (int(T::Flags) & int(Eigen::DirectAccessBit)) != 0;

/// What data() points to: Eigen itself decides whether a T may be written to.
template <class T>
struct eigen_element {
  using type = const typename T::Scalar;
};
template <class T>
  requires eigen_in_memory<T>
struct eigen_element<T> {
  using type = std::remove_pointer_t<decltype(std::declval<T&>().data())>;
};

}  // namespace detail

template <>
struct element_traits<Eigen::half> : element_like<Eigen::half, f16> {};

template <>
struct element_traits<Eigen::bfloat16> : element_like<Eigen::bfloat16, bf16> {};

/// Every Eigen object with elements in memory, of any storage order, strides and fixed or dynamic
/// size: Matrix, Array, Map, Ref, Block, Transpose, Diagonal and what is nested out of them.
///
/// Nothing is copied: the view is valid as long as the elements are. A column vector is n x 1, a
/// row vector 1 x n. An object that Eigen would not let be written to (a const one, a Ref<const T>)
/// gives a view of const elements. An expression such as A + B has no elements yet: using it does
/// not compile, and says to evaluate it first.
template <detail::eigen_dense T>
struct tensor_traits<T> {
  // `Tensor` is T or const T. The return type is written out so that asking whether an expression
  // is a tensor compiles: the sentence is for those who go on to use it as one.
  template <class Tensor>
  static matrix_view<typename detail::eigen_element<Tensor>::type> view(Tensor& m) {
    static_assert(
        detail::eigen_in_memory<Tensor>,
        "this Eigen expression has no elements in memory: evaluate it into a matrix first");
    if constexpr (detail::eigen_in_memory<Tensor>)
      return {m.data(), static_cast<std::size_t>(m.rows()), static_cast<std::size_t>(m.cols()),
              static_cast<std::ptrdiff_t>(m.rowStride()),
              static_cast<std::ptrdiff_t>(m.colStride())};
    else
      return {};
  }
};

}  // namespace tamp::inline TAMP_FLAGS
