#pragma once

/// @file
/// The inner loops over rows, compiled once for each set of instructions.
///
/// The *.inl files beside this one are written against vectors of `vector_bytes` bytes
/// (vectors.inl) and are included here once for each set, into a namespace of its own, in a region
/// where the compiler may use those instructions. So a program that is compiled with plain -O2 has
/// all of them, and with_kernels picks one while it runs.
///
/// Fused multiplication and addition is not among the instructions, so that a user's score is
/// rounded alike everywhere. Products of activations, where speed is worth more, have loops of
/// their own (products.hpp).

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

namespace portable {

struct vectors {
  static constexpr std::size_t vector_bytes = 16;
#include "vectors.inl"
  // which all others use
#include "flags.inl"
#include "portable.inl"
};
/// Scores, sums and conversions.
struct arithmetic : vectors {
#include "attention_rows.inl"
#include "elements.inl"
#include "row_sums.inl"
#include "score_row.inl"
#include "tiles.inl"
#include "transpose.inl"
};
/// What compares numbers and moves them, and never calculates with them.
struct selection : vectors {
#include "mask_words.inl"
#include "row_counts.inl"
#include "row_cut.inl"
};
struct kernels : arithmetic, selection {};

}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {

struct vectors {
  static constexpr std::size_t vector_bytes = 32;
#  include "vectors.inl"
  // which all others use
#  include "avx2.inl"
#  include "compress.inl"
#  include "flags.inl"
};
struct arithmetic : vectors {
#  include "attention_rows.inl"
#  include "elements.inl"
#  include "row_sums.inl"
#  include "score_row.inl"
#  include "tiles.inl"
#  include "transpose.inl"
};
struct selection : vectors {
#  include "mask_words.inl"
#  include "row_counts.inl"
#  include "row_cut.inl"
};
struct kernels : arithmetic, selection {};

}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {

struct vectors {
  static constexpr std::size_t vector_bytes = 64;
#  include "vectors.inl"
  // which all others use
#  include "avx512.inl"
#  include "compress.inl"
};
struct selection : vectors {
#  include "mask_words.inl"
#  include "row_counts.inl"
#  include "row_cut.inl"
};

// All that AVX-512 takes from AVX2: scores, sums and conversions. With AVX-512 a compiler has fused
// multiplication and addition, too, and would round scores and sums otherwise than elsewhere.
//
// Nothing else can get in unseen. What both have, such as their vectors, is ambiguous in `kernels`:
// an error of the compiler.
using avx2::arithmetic;

struct kernels : arithmetic, selection {};

}  // namespace avx512
TAMP_SIMD_END
#endif

/// Calls use(kernels) with the inner loops for the current instructions.
template <class Use>
decltype(auto) with_kernels(Use&& use) {
  switch (execute::current_instructions()) {
#if TAMP_SIMD_X86
    case execute::instructions::avx512:
      return use(avx512::kernels{});
    case execute::instructions::avx2:
      return use(avx2::kernels{});
#endif
    default:
      return use(portable::kernels{});
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
