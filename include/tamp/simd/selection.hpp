#pragma once

/// @file
/// Selection of the lowest numbers of a row: its threshold (row_cut.inl), and the numbers on each
/// side (row_counts.inl). Results are numbers of the row and counts, free of rounding.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "../detail/ordered_key.hpp"
#include "../detail/square_root.hpp"
#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "cut.hpp"
#include "mask_words.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct selection : mask_words {
#include "row_counts.inl"
#include "row_cut.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct selection : mask_words {
#  include "row_counts.inl"
#  include "row_cut.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {
struct selection : mask_words {
#  include "row_counts.inl"
#  include "row_cut.inl"
};
}  // namespace avx512
TAMP_SIMD_END
#endif

/// Calls use(selection) with the loops for the current instructions.
template <class Use>
decltype(auto) with_selection(Use&& use) {
  return with_loops<portable::selection, avx2::selection, avx512::selection>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
