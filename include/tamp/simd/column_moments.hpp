#pragma once

/// @file
/// Means and squared deviations of columns, in double (column_moments.inl).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "conversion.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct column_moments : conversion {
#include "column_moments.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct column_moments : conversion {
#  include "column_moments.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::column_moments;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(column_moments) with the loops for the current instructions.
template <class Use>
decltype(auto) with_column_moments(Use&& use) {
  return with_loops<portable::column_moments, avx2::column_moments, avx512::column_moments>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
