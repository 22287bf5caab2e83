#pragma once

/// @file
/// Checks that all numbers of a row are finite (finite_checks.inl).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "../detail/special_numbers.hpp"
#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "conversion.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct finite_checks : conversion {
#include "finite_checks.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct finite_checks : conversion {
#  include "finite_checks.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::finite_checks;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(finite_checks) with the loops for the current instructions.
template <class Use>
decltype(auto) with_finite_checks(Use&& use) {
  return with_loops<portable::finite_checks, avx2::finite_checks, avx512::finite_checks>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
