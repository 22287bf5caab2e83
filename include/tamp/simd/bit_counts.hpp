#pragma once

/// @file
/// The number of bits that are set in the words of a mask (bit_counts.inl).

#include <bit>
#include <cstddef>
#include <utility>

#include "../detail/mask_word.hpp"
#include "../execute/instructions.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct bit_counts {
#include "bit_counts.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct bit_counts {
#  include "bit_counts.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::bit_counts;
}  // namespace avx512
#endif

/// Calls use(bit_counts) with the processor's best loops. It does not ask the environment for a set
/// of instructions and so cannot throw.
template <class Use>
decltype(auto) with_bit_counts(Use&& use) {
  return with_loops<portable::bit_counts, avx2::bit_counts, avx512::bit_counts>(
      execute::best_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
