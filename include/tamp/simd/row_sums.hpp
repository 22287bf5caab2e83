#pragma once

/// @file
/// Sums in double over rows (row_sums.inl).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "conversion.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct row_sums : conversion {
#include "row_sums.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct row_sums : conversion {
#  include "row_sums.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::row_sums;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(row_sums) with the loops for the current instructions.
template <class Use>
decltype(auto) with_row_sums(Use&& use) {
  return with_loops<portable::row_sums, avx2::row_sums, avx512::row_sums>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
