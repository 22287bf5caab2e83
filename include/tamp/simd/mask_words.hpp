#pragma once

/// @file
/// Loops between the numbers of a row and the words of its mask (mask_words.inl).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "../detail/mask_word.hpp"
#include "../execute/instructions.hpp"
#include "comparisons.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct mask_words : comparisons {
#include "mask_words.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct mask_words : comparisons {
#  include "mask_words.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {
struct mask_words : comparisons {
#  include "mask_words.inl"
};
}  // namespace avx512
TAMP_SIMD_END
#endif

/// Calls use(mask_words) with the loops for the current instructions.
template <class Use>
decltype(auto) with_mask_words(Use&& use) {
  return with_loops<portable::mask_words, avx2::mask_words, avx512::mask_words>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
