#pragma once

/// @file
/// Views of the tensors and statistics that a GPU operation accepts, and refusals of others.

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "../../element.hpp"
#include "../../error.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/traits.hpp"
#include "../../tensor/view.hpp"
#include "../on.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the view of a tensor that the GPU is about to access.
/// @throws shape_error if it lies at a null pointer, unless work is only measured
template <viewable Tensor>
auto cuda_view(const cuda::on_stream& on, Tensor&& tensor) {
  auto m = tamp::view(tensor);
  static_assert(std::is_same_v<typename decltype(m)::space, cuda_space>,
                "this tensor lies in the CPU's memory, and the GPU works on its own: give a "
                "matrix_view<T, tamp::cuda_space>, or leave out tamp::on(stream)");
  static_assert(element<typename decltype(m)::value_type>,
                "tamp does not know this type of number: specialise tamp::element_traits for it");
  if (!on.is_measured()) check_memory("tensor", m);
  return m;
}

/// Refuses a tensor that is known only at run time.
template <any_tensor Tensor>
void refuse_any_tensor() {
  static_assert(!any_tensor<Tensor>,
                "this tensor's type of number is known only at run time, and an operation on a GPU "
                "takes one that is known at compile time: visit it, as in "
                "W.visit<tamp::cuda_space>([&](auto w) { return tamp::select(tamp::on(stream), w, "
                "norms, recipe); })");
}

/// Returns a view as the kernels read it: a host's own 16-bit type becomes the type of ours with
/// the same bits, so that no kernel is compiled for both.
template <class T>
auto as_twin(matrix_view<T, cuda_space> m) noexcept {
  using twin = typename twin_of<std::remove_const_t<T>>::type;
  using to = std::conditional_t<std::is_const_v<T>, const twin, twin>;
  return matrix_view<to, cuda_space>(reinterpret_cast<to*>(m.data()), m.rows(), m.cols(),
                                     m.row_stride(), m.col_stride());
}

/// Returns the numbers of a device statistic, one for each of the `cols` columns of a weight.
/// @throws shape_error if they are not one contiguous row of `cols` numbers, or lie at a null
///         pointer
template <class Statistics>
const float* device_values(const cuda::on_stream& on, const Statistics& statistics,
                           std::size_t cols, std::string_view operation,
                           std::string_view layer = {}) {
  const auto shown = [&]() -> decltype(auto) {
    if constexpr (viewable<const Statistics>) {
      return (statistics);
    } else {
      static_assert(
          requires { matrix_view<const float, cuda_space>(statistics.values()); },
          "these statistics lie in the CPU's memory: give a device accumulator such as "
          "tamp::cuda::column_norm, or a matrix_view<const float, tamp::cuda_space> with one row");
      return matrix_view<const float, cuda_space>(statistics.values());
    }
  };
  const matrix_view<const float, cuda_space> values = cuda_view(on, shown());
  if (values.size() != cols)
    raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", cols,
                       " columns, the statistics cover ", values.size());
  if (cols != 0 && values.rows() != 1)
    raise<shape_error>(operation, ": the statistics", of_layer(layer), " are ", values.rows(),
                       " x ", values.cols(), "; they must be one row");
  if (!values.contiguous_rows())
    raise<shape_error>(operation, ": the statistics", of_layer(layer), " lie ", values.col_stride(),
                       " numbers apart; they must lie in one piece");
  return values.data();
}

}  // namespace tamp::inline TAMP_FLAGS::detail
