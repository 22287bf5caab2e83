#pragma once

/// @file
/// What a GPU operation accepts as a tensor or a statistic, and what it says of the rest.

#include <type_traits>

#include "../../tensor/element.hpp"
#include "../../tensor/traits.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The view of a tensor that the GPU is about to touch.
template <viewable Tensor>
constexpr auto cuda_view(Tensor&& tensor) {
  auto m = tamp::view(tensor);
  static_assert(std::is_same_v<typename decltype(m)::space, cuda_space>,
                "this tensor lies in the CPU's memory, and the GPU works on its own: give a "
                "matrix_view<T, tamp::cuda_space>, or leave out tamp::on(stream)");
  static_assert(element<typename decltype(m)::value_type>,
                "tamp does not know this type of number: specialise tamp::element_traits for it");
  return m;
}

/// A view as the kernels read it: a host's own 16-bit type as the one of ours that has its bits, so
/// that no kernel is compiled for both.
template <class T>
auto as_twin(matrix_view<T, cuda_space> m) noexcept {
  using twin = typename twin_of<std::remove_const_t<T>>::type;
  using to = std::conditional_t<std::is_const_v<T>, const twin, twin>;
  return matrix_view<to, cuda_space>(reinterpret_cast<to*>(m.data()), m.rows(), m.cols(),
                                     m.row_stride(), m.col_stride());
}

/// The numbers of a device statistic, one for each input feature.
template <class Statistics>
matrix_view<const float, cuda_space> device_values(const Statistics& statistics) {
  if constexpr (viewable<const Statistics>) {
    return cuda_view(statistics);
  } else {
    static_assert(
        requires { matrix_view<const float, cuda_space>(statistics.values()); },
        "these statistics lie in the CPU's memory: give a device accumulator such as "
        "tamp::cuda::column_norm, or a matrix_view<const float, tamp::cuda_space> with one row");
    return statistics.values();
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
