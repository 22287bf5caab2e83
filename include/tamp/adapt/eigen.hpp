#pragma once

/// @file
/// The adapter of Eigen's matrices, arrays, maps, references, blocks and transposes, and of its
/// 16-bit numbers.

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

/// A dense Eigen object, with elements in memory or computed on demand.
template <class T>
concept eigen_dense = requires(const T& tensor) { detail::take_eigen_dense(tensor); };

template <class T>
inline constexpr bool eigen_in_memory = (int(T::Flags) & int(Eigen::DirectAccessBit)) != 0;

template <class Derived>
std::true_type owns_eigen_elements(const Eigen::PlainObjectBase<Derived>&);
std::false_type owns_eigen_elements(...);

/// The type that data() points to. Eigen itself decides whether it is const.
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

/// The view of every Eigen object with elements in memory, of any storage order, strides and fixed
/// or dynamic size: Matrix, Array, Map, Ref, Block, Transpose, Diagonal and compositions of them.
///
/// Nothing is copied. The elements must outlive the view. A column vector is n x 1, a row vector is
/// 1 x n. An object that Eigen does not let be written to (const, or a Ref<const T>) gives a view
/// of const elements. An expression, for example A + B, has no elements in memory. Its use is a
/// compile-time error, which says to evaluate it first.
template <detail::eigen_dense T>
struct tensor_traits<T> {
  static constexpr bool owns_elements =
      decltype(detail::owns_eigen_elements(std::declval<const T&>()))::value;

  // `Tensor` is T or const T. With an explicit return type, a concept can ask whether an expression
  // is a tensor without instantiating the assertion, which is for code that uses it as one.
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
