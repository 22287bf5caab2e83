#pragma once

/// @file
/// Vectors of numbers for each set of instructions, and the choice among the sets.
///
/// The *.inl files of this folder are written against vectors of `vector_bytes` bytes
/// (vectors.inl). The header of a kind of loop includes its *.inl file once for each set of
/// instructions, into a namespace of its own, in a region where the compiler may use those
/// instructions. A program that is compiled with plain -O2 has all of them, and with_loops picks
/// one while it runs.
///
/// Fused multiplication and addition is not among the instructions, so that a user's score is
/// rounded alike everywhere. With AVX-512 a compiler has it, too, and would round scores and sums
/// otherwise than elsewhere: loops that calculate are those of AVX2 there, and only loops that
/// compare numbers and move them have a form of their own. Products of activations, where speed is
/// worth more, are in products.hpp.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "../detail/mask_word.hpp"
#include "../element.hpp"
#include "../execute/instructions.hpp"
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
}  // namespace avx512
TAMP_SIMD_END
#else
namespace avx2 = portable;
namespace avx512 = portable;
#endif

/// Calls use(loops) with the loops for a set of instructions, of the three that are given.
template <class Portable, class Avx2, class Avx512, class Use>
decltype(auto) with_loops(execute::instructions set, Use&& use) {
  switch (set) {
#if TAMP_SIMD_X86
    case execute::instructions::avx512:
      return use(Avx512{});
    case execute::instructions::avx2:
      return use(Avx2{});
#endif
    default:
      return use(Portable{});
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
