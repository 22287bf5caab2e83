#pragma once

/// @file
/// What is asked of rows and of their products, where speed comes from vectors: sums in double, in
/// one order for all sets of instructions (row_sums.inl).
///
/// No product is fused with a sum here, so that all sets give the same bits.

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

namespace portable {
struct similar_rows : arithmetic {
#include "similar_rows.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct similar_rows : arithmetic {
#  include "similar_rows.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::similar_rows;  // sums: see `arithmetic` in kernels.hpp
}  // namespace avx512
#endif

/// Calls use(rows) with the functions of similar_rows.inl for the current instructions.
template <class Use>
decltype(auto) with_similar_rows(Use&& use) {
  switch (execute::current_instructions()) {
#if TAMP_SIMD_X86
    case execute::instructions::avx512:
      return use(avx512::similar_rows{});
    case execute::instructions::avx2:
      return use(avx2::similar_rows{});
#endif
    default:
      return use(portable::similar_rows{});
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
