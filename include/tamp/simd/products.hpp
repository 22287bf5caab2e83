#pragma once

/// @file
/// Sums of products of rows with rows, at the speed of the arithmetic, for each set of
/// instructions.
///
/// They differ from the loops of vectors.hpp in one point: multiplication and addition are one
/// instruction, rounded once, where the processor has it. AVX2 and AVX-512 give the same bits.
/// Without fused multiplication the bits differ, except for products that are exact anyway, like
/// those of floats in double. A sum can be asked for that rounds each product by itself.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The number of columns whose products are summed before they are added to the sums of the columns
/// before. Their panels stay in the cache. The bits of a result depend on it.
inline constexpr std::size_t product_run = 256;

/// The rounding of a product and the sum to which it is added.
enum class product_rounding {
  fused,     ///< once, where the processor can
  separate,  ///< each by itself: the same bits for all sets of instructions, at half the speed
};

namespace portable {
struct products {
  static constexpr std::size_t vector_bytes = 16;
  // Eight accumulators and their operands fit into the 16 registers of any x86-64.
  static constexpr std::size_t tile_rows = 4, tile_panels = 2, attention_rows = 2;
#include "vectors.inl"
  // The files below use vectors.inl.
  template <class T>
  static vec<T> multiply_add(vec<T> a, vec<T> b, vec<T> c) noexcept {
    return a * b + c;
  }
#include "attention.inl"
#include "products.inl"
#include "transpose.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN("avx2,fma")
namespace avx2 {
struct products {
  static constexpr std::size_t vector_bytes = 32;
  // Twelve accumulators, three vectors and one number fit into 16 registers.
  static constexpr std::size_t tile_rows = 4, tile_panels = 3, attention_rows = 6;
#  include "vectors.inl"
  // The files below use vectors.inl.
#  include "attention.inl"
#  include "fused.inl"
#  include "products.inl"
#  include "transpose.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,fma")
namespace avx512 {
struct products {
  static constexpr std::size_t vector_bytes = 64;
  // Twenty-four accumulators fit into 32 registers.
  static constexpr std::size_t tile_rows = 8, tile_panels = 3, attention_rows = 12;
#  include "vectors.inl"
  // The files below use vectors.inl.
#  include "attention.inl"
#  include "fused.inl"
#  include "products.inl"
#  include "transpose.inl"
};
}  // namespace avx512
TAMP_SIMD_END
#endif

/// Calls use(products) with the loops of products.inl for a set of instructions.
template <class Use>
decltype(auto) with_products(execute::instructions set, Use&& use) {
  return with_loops<portable::products, avx2::products, avx512::products>(set,
                                                                          std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
