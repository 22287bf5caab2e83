#pragma once

/// @file
/// What is asked of rows and of their products, where speed comes from vectors: sums in double, in
/// one order for all sets of instructions (row_sums.inl).
///
/// No product is fused with a sum here, so that all sets give the same bits. That leaves AVX-512
/// with AVX2's version: see kernels.hpp.

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The sum of some numbers, and how many they are.
struct counted_sum {
  double sum = 0, count = 0;
};

inline constexpr auto one_by_factorial = [] {
  std::array<double, 13> terms{1.0};
  for (std::size_t k = 1; k < terms.size(); ++k) terms[k] = terms[k - 1] / static_cast<double>(k);
  return terms;
}();

struct portable_similar_rows : portable_kernels {
#include "similar_rows.inl"
};

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
struct avx2_similar_rows : avx2_kernels {
#  include "similar_rows.inl"
};
TAMP_SIMD_END
#endif

/// Calls use(rows) with the functions of similar_rows.inl for the current instructions.
template <class Use>
decltype(auto) with_similar_rows(Use&& use) {
#if TAMP_SIMD_X86
  if (execute::current_instructions() != execute::instructions::portable)
    return use(avx2_similar_rows{});
#endif
  return use(portable_similar_rows{});
}

}  // namespace tamp::inline TAMP_FLAGS::detail
