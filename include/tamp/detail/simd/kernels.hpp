#pragma once

/// @file
/// The inner loops over rows, compiled once for each set of instructions.
///
/// The *.inl files beside this one are written against vectors of `vector_bytes` bytes
/// (vectors.inl) and are included here once for each set, into a struct of its own, in a region
/// where the compiler may use those instructions. So a program that is compiled with plain -O2 has
/// all of them, and with_kernels picks one while it runs.
///
/// Fused multiplication and addition is not among the instructions, so that a user's score is
/// rounded alike everywhere. AVX-512 cannot be had without it, which is why scores and sums are
/// made by the loops for AVX2 there, too. Products of activations, where speed is worth more, have
/// loops of their own (products.hpp).

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "../../execute/instructions.hpp"
#include "../../mask/bitmask.hpp"
#include "../../tensor/element.hpp"
#include "../ordered_key.hpp"
#include "cut.hpp"
#include "regions.hpp"
#if TAMP_SIMD_X86
#  include <immintrin.h>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

struct portable_kernels {
  static constexpr std::size_t vector_bytes = 16;
#include "vectors.inl"
  // which all others use
#include "attention_rows.inl"
#include "flags.inl"
#include "mask_words.inl"
#include "portable.inl"
#include "row_counts.inl"
#include "row_cut.inl"
#include "row_sums.inl"
#include "score_row.inl"
#include "tiles.inl"
#include "transpose.inl"
};

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
struct avx2_kernels {
  static constexpr std::size_t vector_bytes = 32;
#  include "vectors.inl"
  // which all others use
#  include "attention_rows.inl"
#  include "avx2.inl"
#  include "compress.inl"
#  include "flags.inl"
#  include "mask_words.inl"
#  include "row_counts.inl"
#  include "row_cut.inl"
#  include "row_sums.inl"
#  include "score_row.inl"
#  include "tiles.inl"
#  include "transpose.inl"
};
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
struct avx512_kernels : avx2_kernels {
  static constexpr std::size_t vector_bytes = 64;
#  include "vectors.inl"
  // which all others use
#  include "avx512.inl"
#  include "compress.inl"
#  include "mask_words.inl"
#  include "row_counts.inl"
#  include "row_cut.inl"
};
TAMP_SIMD_END
#endif

/// Calls use(kernels) with the inner loops for the current instructions.
template <class Use>
decltype(auto) with_kernels(Use&& use) {
  switch (execute::current_instructions()) {
#if TAMP_SIMD_X86
    case execute::instructions::avx512:
      return use(avx512_kernels{});
    case execute::instructions::avx2:
      return use(avx2_kernels{});
#endif
    default:
      return use(portable_kernels{});
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
