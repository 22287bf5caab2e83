#pragma once

/// @file
/// Products of rows, and sums over them, in double, in one order for all sets of instructions
/// (row_sums.inl). No product is fused with a sum, so that all sets give the same bits.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "../detail/special_numbers.hpp"
#include "../execute/instructions.hpp"
#include "comparisons.hpp"
#include "row_sums.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The sum of some numbers, and their count or the sum of their weights.
struct counted_sum {
  double sum = 0, count = 0;
};

/// The dot products of a row with itself and with another one.
struct square_and_product {
  double square = 0, product = 0;
};

/// The squared distances of a row from two points.
struct two_distances {
  double to_one = 0, to_other = 0;
};

inline constexpr double lowest_number = std::numeric_limits<double>::lowest();

inline constexpr auto one_by_factorial = [] {
  std::array<double, 13> terms{1.0};
  for (std::size_t k = 1; k < terms.size(); ++k) terms[k] = terms[k - 1] / static_cast<double>(k);
  return terms;
}();

namespace portable {
struct similar_rows : row_sums, comparisons {
#include "similar_rows.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct similar_rows : row_sums, comparisons {
#  include "similar_rows.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::similar_rows;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(similar_rows) with the loops for the current instructions.
template <class Use>
decltype(auto) with_similar_rows(Use&& use) {
  return with_loops<portable::similar_rows, avx2::similar_rows, avx512::similar_rows>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
