#pragma once

/// @file
/// Vectors of numbers for each set of instructions, and the choice among the sets.
///
/// The *.inl files of this folder are written for vectors of `vector_bytes` bytes (vectors.inl).
/// The header of a kind of loop includes its *.inl file once for each set of instructions, into a
/// namespace of its own, in a region where the compiler may use those instructions. A program
/// compiled with plain -O2 has all of them, and with_loops chooses one while it runs.
///
/// Fused multiply-add is not among the instructions, so that a user's score is rounded alike
/// everywhere. AVX-512 always includes it, and a compiler would round scores and sums differently
/// there. Loops with arithmetic are therefore those of AVX2. Only loops that compare and move
/// numbers have a version for AVX-512. Products of activations, where speed is worth more, are in
/// products.hpp.

#include <cstddef>
#include <cstring>
#include <utility>

#include "../execute/instructions.hpp"
#include "regions.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct vectors {
  static constexpr std::size_t vector_bytes = 16;
#include "vectors.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct vectors {
  static constexpr std::size_t vector_bytes = 32;
#  include "vectors.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {
struct vectors {
  static constexpr std::size_t vector_bytes = 64;
#  include "vectors.inl"
};
}  // namespace avx512
TAMP_SIMD_END
#else
namespace avx2 = portable;
namespace avx512 = portable;
#endif

/// Calls use(loops) with the loops for a set of instructions, one of the three types given.
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
