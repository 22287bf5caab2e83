#pragma once

/// @file
/// Loops over rows of attention (attention_rows.inl).

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "finite_checks.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct attention_rows : finite_checks {
#include "attention_rows.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct attention_rows : finite_checks {
#  include "attention_rows.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::attention_rows;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(attention_rows) with the loops for the current instructions.
template <class Use>
decltype(auto) with_attention_rows(Use&& use) {
  return with_loops<portable::attention_rows, avx2::attention_rows, avx512::attention_rows>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
