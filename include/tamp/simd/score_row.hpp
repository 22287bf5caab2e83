#pragma once

/// @file
/// The scores of a row of weights (score_row.inl).

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "finite_checks.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The result of score_row: the approximate sum of the scores, and a flag that all are usable.
template <class T>
struct row_scored {
  T sum;
  bool is_usable;
};

namespace portable {
struct row_scores : finite_checks {
#include "score_row.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct row_scores : finite_checks {
#  include "score_row.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::row_scores;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(row_scores) with the loops for the current instructions.
template <class Use>
decltype(auto) with_row_scores(Use&& use) {
  return with_loops<portable::row_scores, avx2::row_scores, avx512::row_scores>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
