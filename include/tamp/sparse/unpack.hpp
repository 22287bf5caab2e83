#pragma once

/// @file
/// Dense weights made from sparse ones.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "../element.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../prune/apply.hpp"
#include "../tensor/traits.hpp"
#include "matrix.hpp"

namespace tamp::inline TAMP_FLAGS::sparse {

/// The type of sparse::unpack.
struct unpack_operation : tamp::detail::operation<unpack_operation> {
  using tamp::detail::operation<unpack_operation>::operator();

  template <executor E, class Sparse, class Out>
  void operator()(const E& exec, const Sparse& weight, Out&& out) const {
    if constexpr (check_arguments<Sparse, Out>())
      tamp::detail::with_target(out, [&](auto& target) {
        if constexpr (viewable<decltype(target)>)
          unpack(exec, weight, target);
        else
          tamp::detail::raise<value_error>(
              "unpack: the output is a tensor without elements in memory");
      });
  }

 private:
  template <class Sparse, class Out>
  static consteval bool check_arguments() {
    constexpr bool is_sparse = sparse_weight<Sparse>,
                   is_in_memory = viewable<Out> || any_tensor<Out>;
    static_assert(is_sparse,
                  "unpack(where, S, W): the sparse weight comes first, a sparse::matrix or a "
                  "sparse::view; then the dense tensor into which it is written");
    static_assert(!is_sparse || is_in_memory,
                  "unpack: a sparse weight is written into a tensor with elements in memory, and "
                  "this is none");
    if constexpr (is_sparse && any_tensor<Out>) {
      return true;
    } else if constexpr (is_sparse && is_in_memory) {
      using element =
          std::remove_pointer_t<decltype(std::declval<tamp::detail::view_of<Out>>().data())>;
      static_assert(!std::is_const_v<element>,
                    "unpack: this tensor is const and cannot be written");
      return !std::is_const_v<element>;
    }
    return false;
  }

  template <class E, class Sparse, class T>
  static void unpack(const E& exec, const Sparse& weight, matrix_view<T> to) {
    using namespace tamp::detail;
    const auto from = sparse::view_of(weight);
    using value = typename decltype(from)::value_type;
    using element = T;
    if (to.rows() != from.rows() || to.cols() != from.cols())
      raise<shape_error>("unpack: the sparse weight is ", from.rows(), " x ", from.cols(),
                         ", the output ", to.rows(), " x ", to.cols());
    if (to.empty()) return;
    check_writable("unpack", to);
    tamp::detail::for_each_range(exec, to.rows(), to.cols(), [&](auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = 0; j < to.cols(); ++j) to(i, j) = zero_of<element>();
        const auto values = from.values(i);
        from.for_each_kept(i, [&](std::size_t j, std::size_t place) {
          if constexpr (is_scaled<value>)
            to(i, j) = element_traits<element>::store(static_cast<compute_type<element>>(
                static_cast<float>(values[place]) *
                static_cast<float>(from.scales(i)[j / scaled_columns])));
          else if constexpr (std::is_same_v<value, element>)
            to(i, j) = values[place];
          else
            to(i, j) = element_traits<element>::store(
                static_cast<compute_type<element>>(element_traits<value>::load(values[place])));
        });
      }
    });
  }
};

/// Writes a sparse matrix into a dense tensor: unpack(where, S, W). Dropped weights become 0. Kept
/// weights are copied to the bit if the tensor has elements of the matrix's type, and converted
/// otherwise.
/// @throws shape_error if the shapes differ, or elements of W share their memory; nothing is
///         written
inline constexpr unpack_operation unpack{};

}  // namespace tamp::inline TAMP_FLAGS::sparse
