#pragma once

/// @file
/// Elements of device tensors: their types, and loads of several elements at once.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../../element.hpp"
#include "../../tensor/view.hpp"
#include "launch.cuh"

template <>
struct tamp::element_traits<__half> : tamp::element_like<__half, tamp::f16> {};
template <>
struct tamp::element_traits<__nv_bfloat16> : tamp::element_like<__nv_bfloat16, tamp::bf16> {};

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns an element as a number. 16-bit types use the GPU's own instruction, which equals
/// element_traits.
template <class T>
__device__ compute_type<T> number_of(T element) noexcept {
#if defined(__CUDA_ARCH__)
  if constexpr (has_bits_of<T, f16>)
    return __half2float(__ushort_as_half(std::bit_cast<std::uint16_t>(element)));
  else
#endif
    return element_traits<T>::load(element);
}

/// Neighbouring elements that fill 16 bytes, the most that one thread loads at once.
template <class T>
struct alignas(16) pack {
  static constexpr unsigned size = 16 / sizeof(T);
  T elements[size];
};

/// True if each row is contiguous and starts at an address that is aligned for packs. The end of a
/// row need not be aligned.
template <class T>
bool has_packs(const matrix_view<T, cuda_space>& m) noexcept {
  return m.contiguous_rows() && reinterpret_cast<std::uintptr_t>(m.data()) % 16 == 0 &&
         m.row_stride() * static_cast<std::ptrdiff_t>(sizeof(T)) % 16 == 0;
}

/// Loads `Count` neighbours of row i from column j on, which must be a multiple of Count, in whole
/// packs if `IsPacked`. Elements past the last column are zeros.
template <unsigned Count, bool IsPacked, class T>
__device__ void load_columns(const matrix_view<const T, cuda_space>& m, std::size_t i,
                             std::size_t j, T (&to)[Count]) {
  if constexpr (IsPacked && Count % pack<T>::size == 0) {
    if (j + Count <= m.cols()) {
      const auto* packs = reinterpret_cast<const pack<T>*>(&m(i, j));
      for (unsigned p = 0; p < Count / pack<T>::size; ++p) {
        const pack<T> one = packs[p];
        for (unsigned k = 0; k < pack<T>::size; ++k) to[p * pack<T>::size + k] = one.elements[k];
      }
      return;
    }
  }
  for (unsigned k = 0; k < Count; ++k)
    to[k] = j + k < m.cols() ? m(i, j + k) : element_traits<T>::store(0);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
