#pragma once

/// @file
/// The adapters of a host's tensors: one trait, for strided memory and for types known only at run
/// time, and one concept for the rest.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../element.hpp"
#include "any_view.hpp"
#include "view.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The adapter of a foreign type. For one with strided memory and a known type of number, specialise
/// it with one function, `view`:
///
///     template <>
///     struct tamp::tensor_traits<my::tensor> {
///       static tamp::matrix_view<const float> view(const my::tensor& t) { return ...; }
///       static tamp::matrix_view<float> view(my::tensor& t) { return ...; }
///     };
///
/// A type that owns its elements, so that they are gone with a temporary, should say so by
/// `static constexpr bool owns_elements = true`: what keeps a view then refuses a temporary.
///
/// For one whose type of number is known only at run time, derive it from any_view_traits. For one
/// whose storage is known only at run time, such as blocks of several formats, specialise it with
/// `visit` and `visit_writable` (see any_tensor).
template <class T>
struct tensor_traits;

template <class T, class Space>
struct tensor_traits<matrix_view<T, Space>> {
  static constexpr matrix_view<T, Space> view(const matrix_view<T, Space>& m) noexcept { return m; }
};

/// A span as a matrix of one row: the activations of one token.
template <class T, std::size_t Extent>
struct tensor_traits<std::span<T, Extent>> {
  static constexpr matrix_view<T> view(const std::span<T, Extent>& row) noexcept {
    return {row.data(), 1, row.size()};
  }
};

/// A type with a view, of any elements in any memory. Functions that read the elements accept all
/// viewable types, so that an error can explain what is wrong.
template <class T>
concept viewable = requires(T& tensor) {
  { tensor_traits<std::remove_cvref_t<T>>::view(tensor).data() };
};

/// The type, as a forwarding reference deduces it, of a temporary whose elements are gone with it.
template <class T>
concept owning_temporary = !std::is_lvalue_reference_v<T> &&
                           requires { requires tensor_traits<std::remove_cv_t<T>>::owns_elements; };

namespace detail {
template <viewable T>
using view_of = decltype(tensor_traits<std::remove_cvref_t<T>>::view(std::declval<T&>()));
}  // namespace detail

/// A tensor of the first tier: elements of a known type in memory, at fixed strides. The memory may
/// be that of a device.
template <class T>
concept strided_tensor = viewable<T> && element<typename detail::view_of<T>::value_type>;

namespace detail {
struct any_tensor_visitor {
  template <class Tensor>
  void operator()(Tensor&&) const {}
};
}  // namespace detail

/// A tensor whose type of number or storage is known only at run time. It shows itself as a tensor
/// of another tier:
///
/// - `tensor_traits<T>::visit(tensor, use)` returns use(shown), where `shown` is a strided_tensor or
///   a row_tensor that is only read. `use` returns the same type for all.
/// - `tensor_traits<T>::visit_writable(tensor, use)` does so with one that can be pruned. It must
///   throw a tamp::error for a tensor that cannot be.
template <class T>
concept any_tensor = !viewable<T> && requires(T& tensor, detail::any_tensor_visitor use) {
  tensor_traits<std::remove_cvref_t<T>>::visit(tensor, use);
  tensor_traits<std::remove_cvref_t<T>>::visit_writable(tensor, use);
};

/// The traits of a type that a function `Adapter::view(tensor)` shows as an any_view:
///
///     template <>
///     struct tamp::tensor_traits<my::tensor> : tamp::any_view_traits<my::adapter> {};
template <class Adapter>
struct any_view_traits {
  template <class Tensor, class Use>
  static decltype(auto) visit(Tensor& tensor, Use&& use) {
    return Adapter::view(tensor).visit(std::forward<Use>(use));
  }
  template <class Tensor, class Use>
  static decltype(auto) visit_writable(Tensor& tensor, Use&& use) {
    return Adapter::view(tensor).visit_writable(std::forward<Use>(use));
  }
};

namespace detail {
struct identity_adapter {
  static const any_view& view(const any_view& tensor) noexcept { return tensor; }
};
}  // namespace detail

template <>
struct tensor_traits<any_view> : any_view_traits<detail::identity_adapter> {};

/// A tensor of the second tier: quantised blocks, files, anything without strides.
///
/// `read_row(i, out)` must write row i, converted to float, into `out`, which has cols() entries.
/// It must be thread-safe for different rows.
template <class T>
concept row_tensor = !viewable<T> && !any_tensor<T> &&
                     requires(const std::remove_cvref_t<T>& tensor, std::span<float> out) {
                       { tensor.rows() } -> std::convertible_to<std::size_t>;
                       { tensor.cols() } -> std::convertible_to<std::size_t>;
                       tensor.read_row(std::size_t{}, out);
                     };

/// A row_tensor that can be pruned by writing back whole rows.
template <class T>
concept writable_row_tensor = row_tensor<T> && requires(T& tensor, std::span<const float> in) {
  tensor.write_row(std::size_t{}, in);
};

/// A row_tensor that can drop weights without touching the kept ones, as quantised storage should.
/// `zero(i, keep)` must make weight (i, j) zero where bit j % 64 of keep[j / 64] is 0 (see
/// tamp::zero_dropped).
template <class T>
concept zeroable_row_tensor =
    row_tensor<T> &&
    requires(T& tensor, std::span<const std::uint64_t> keep) { tensor.zero(std::size_t{}, keep); };

/// A tensor that the library can read: its elements are of a known type and in the CPU's memory, or
/// that is known only at run time.
template <class T>
concept tensor = row_tensor<T> || any_tensor<T> ||
                 (strided_tensor<T> && std::same_as<typename detail::view_of<T>::space, cpu_space>);

/// A tensor that the library can prune: its elements may be written.
template <class T>
concept prunable_tensor =
    any_tensor<T> || writable_row_tensor<T> || zeroable_row_tensor<T> ||
    (strided_tensor<T> && tensor<T> &&
     !std::is_const_v<std::remove_pointer_t<decltype(std::declval<detail::view_of<T>>().data())>>);

/// The tensor argument of functions. They refuse one that is no `tensor`, or cannot be pruned, with
/// a sentence.
template <class T>
concept tensor_argument = viewable<T> || row_tensor<T> || any_tensor<T>;

/// Returns the library's view of a strided tensor. The elements must outlive the view: see
/// docs/concepts/tensors.md.
template <viewable T>
[[nodiscard]] constexpr auto view(T&& tensor) {
  using host = std::remove_cvref_t<T>;
  static_assert(
      !requires { static_cast<detail::view_of<T> (*)(host)>(&tensor_traits<host>::view); },
      "tensor_traits::view takes this tensor by value, and would show the elements of a copy: let "
      "it "
      "take a reference (T& and const T&)");
  return tensor_traits<host>::view(tensor);
}

namespace detail {

template <class T>
inline constexpr bool is_vector_of_bool = false;
template <class Allocator>
inline constexpr bool is_vector_of_bool<std::vector<bool, Allocator>> = true;

/// Returns the view of a tensor that the CPU is about to access.
/// @throws shape_error if its elements are at a null pointer, or its strides lead out of memory
template <viewable T>
constexpr auto cpu_view(T&& tensor) {
  auto m = tamp::view(tensor);
  using space = typename decltype(m)::space;
  static_assert(!std::is_same_v<space, cuda_space>,
                "this tensor lives on a GPU: include <tamp/cuda/cuda.cuh>, or only what is needed "
                "from <tamp/cuda/select.cuh>, <tamp/cuda/apply.cuh> ..., and let a stream go "
                "first, as in select(tamp::on(stream), weight, norms, recipe)");
  static_assert(std::is_same_v<space, cpu_space> || std::is_same_v<space, cuda_space>,
                "this tensor lives on a device, and the CPU cannot read it");
  check_memory("tensor", m);
  return m;
}

}  // namespace detail

/// Returns a row-major view of contiguous elements. `elements` is a pointer, an array, or any
/// container or range with contiguous elements, for example std::vector with any allocator,
/// std::array or std::span. A container must be an lvalue, since the elements of a temporary one
/// would not outlive the call.
/// @throws shape_error if there are not rows * cols elements, or, for a pointer, memory cannot hold
///         them
template <class Elements>
[[nodiscard]] constexpr auto view(Elements&& elements, std::size_t rows, std::size_t cols) {
  using host = std::remove_reference_t<Elements>;
  if constexpr (std::is_pointer_v<std::remove_cv_t<host>>) {
    return matrix_view<std::remove_pointer_t<host>>(elements, rows, cols);
  } else {
    constexpr bool is_in_one_piece =
        std::ranges::contiguous_range<host> && std::ranges::sized_range<host>;
    constexpr bool outlives =
        std::is_lvalue_reference_v<Elements> || std::ranges::borrowed_range<Elements>;
    static_assert(!detail::is_vector_of_bool<std::remove_cv_t<host>>,
                  "std::vector<bool> has no elements in memory that could be viewed: use "
                  "std::vector<char>, or a tamp::mask::bitmask");
    static_assert(is_in_one_piece || detail::is_vector_of_bool<std::remove_cv_t<host>>,
                  "a shape is given to elements that lie side by side: to a pointer, or to a range "
                  "such as std::vector, std::array or std::span");
    static_assert(outlives,
                  "this container is a temporary, and its elements are gone with it: give "
                  "it a name, and view that");
    if constexpr (is_in_one_piece && outlives) {
      using element = std::remove_reference_t<std::ranges::range_reference_t<host>>;
      return matrix_view<element>(
          std::span<element>(std::ranges::data(elements), std::ranges::size(elements)), rows, cols);
    }
  }
}

}  // namespace tamp::inline TAMP_FLAGS
