#pragma once

/// @file
/// Sums of differences and of their squares over rows, in double (column_spread.inl).

#include <cstddef>
#include <utility>

#include "../execute/instructions.hpp"
#include "conversion.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct column_spread : conversion {
#include "column_spread.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct column_spread : conversion {
#  include "column_spread.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::column_spread;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(column_spread) with the loops for the current instructions.
template <class Use>
decltype(auto) with_column_spread(Use&& use) {
  return with_loops<portable::column_spread, avx2::column_spread, avx512::column_spread>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
