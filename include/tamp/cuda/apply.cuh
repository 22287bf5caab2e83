#pragma once

/// @file
/// Application of a mask to a device tensor: dropped weights become zero.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../prune/apply.hpp"
#include "bitmask.cuh"
#include "detail/elements.cuh"
#include "detail/status.cuh"
#include "detail/views.cuh"
#include "on.cuh"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Each thread zeroes the dropped ones of `width` neighbours in a row. Packs that lose nothing are
/// not touched. The others are written as a whole.
template <bool IsPacked, class T>
__global__ void zero_dropped_in_rows(const std::uint32_t* keep, std::size_t halves,
                                     matrix_view<T, cuda_space> weight,
                                     const selection_status* status) {
  constexpr unsigned width = IsPacked ? pack<T>::size : 1;
  if (status->is_broken()) return;
  const std::size_t j = (std::size_t{blockIdx.x} * blockDim.x + threadIdx.x) * width;
  if (j >= weight.cols()) return;
  const unsigned whole = (std::uint64_t{1} << width) - 1;
  for (std::size_t i = blockIdx.y; i < weight.rows(); i += gridDim.y) {
    const unsigned kept = keep[i * halves + j / 32] >> (j % 32) & whole;
    if (kept == whole) continue;
    if (IsPacked && j + width <= weight.cols()) {
      auto& there = *reinterpret_cast<pack<T>*>(&weight(i, j));
      pack<T> some = there;
      for (unsigned k = 0; k < width; ++k)
        if ((kept >> k & 1u) == 0) some.elements[k] = element_traits<T>::store(0);
      there = some;
    } else {
      for (unsigned k = 0; k < width && j + k < weight.cols(); ++k)
        if ((kept >> k & 1u) == 0) weight(i, j + k) = element_traits<T>::store(0);
    }
  }
}

/// Zeroes dropped weights if rows are not contiguous. Each lane processes 32 columns of one row,
/// one after another, and the lanes of a warp 32 rows.
template <class T>
__global__ void zero_dropped_in_columns(const std::uint32_t* keep, std::size_t halves,
                                        matrix_view<T, cuda_space> weight,
                                        const selection_status* status) {
  if (status->is_broken()) return;
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= weight.rows()) return;
  for (std::size_t h = blockIdx.y; h * 32 < weight.cols(); h += gridDim.y) {
    const std::uint32_t kept = keep[i * halves + h];
    for (unsigned k = 0; k < 32 && h * 32 + k < weight.cols(); ++k)
      if ((kept >> k & 1u) == 0) weight(i, h * 32 + k) = element_traits<T>::store(0);
  }
}

}  // namespace detail

namespace cuda {

/// Makes every dropped weight +0 on the GPU and leaves the others unchanged, to the bit.
///
/// Asynchronous. If `keep` comes from a select that found a number that cannot be used, nothing is
/// written (see cuda::bitmask).
/// @throws shape_error if mask and weight differ in shape, if the weight lies at a null pointer, or
///         if its elements share their memory, as in a broadcast
/// @throws device_error if CUDA refuses the kernel
template <viewable Weight>
void run_on(const on_stream& on, const apply_operation&, Weight&& weight, const bitmask& keep) {
  using space = typename decltype(tamp::view(weight))::space;
  static_assert(std::is_same_v<space, cuda_space>,
                "this weight lies in the CPU's memory, its mask in the GPU's: apply "
                "keep.to_host(tamp::on(stream))");
  const auto w = detail::as_twin(detail::cuda_view(on, weight));
  using value = std::remove_pointer_t<decltype(w.data())>;
  static_assert(!std::is_const_v<value>, "this weight is const and cannot be pruned in place");
  if (w.rows() != keep.rows() || w.cols() != keep.cols())
    detail::raise<shape_error>("apply: the mask is ", keep.rows(), " x ", keep.cols(),
                               ", the weight is ", w.rows(), " x ", w.cols());
  detail::check_writable(
      "apply", matrix_view<value>(w.data(), w.rows(), w.cols(), w.row_stride(), w.col_stride()));
  if (w.empty()) return;
  const auto* words = reinterpret_cast<const std::uint32_t*>(keep.words());
  const std::size_t halves = keep.words_per_row() * 2;
  constexpr unsigned threads = 256;
  if (w.contiguous_rows()) {
    const bool is_packed = detail::has_packs(w);
    const std::size_t width = is_packed ? detail::pack<value>::size : 1;
    const dim3 grid = detail::grid_of(detail::blocks_of(w.cols(), threads * width), w.rows());
    detail::launch(is_packed ? &detail::zero_dropped_in_rows<true, value>
                             : &detail::zero_dropped_in_rows<false, value>,
                   grid, threads, 0, on, words, halves, w, keep.status());
  } else {
    const dim3 grid = detail::grid_of(detail::blocks_of(w.rows(), threads), (w.cols() + 31) / 32);
    detail::launch(&detail::zero_dropped_in_columns<value>, grid, threads, 0, on, words, halves, w,
                   keep.status());
  }
}
template <viewable Weight>
void run_on(const on_stream&, const apply_operation&, Weight&&, const mask::bitmask&) {
  static_assert(std::is_void_v<Weight>,
                "this mask lies in the CPU's memory: copy it to the GPU with "
                "tamp::cuda::bitmask::from(tamp::on(stream), keep)");
}
template <any_tensor Weight, class Mask>
void run_on(const on_stream&, const apply_operation&, Weight&&, const Mask&) {
  detail::refuse_any_tensor<Weight>();
}

}  // namespace cuda
}  // namespace tamp::inline TAMP_FLAGS
