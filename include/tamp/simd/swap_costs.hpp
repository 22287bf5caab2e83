#pragma once

/// @file
/// Costs of exchanging a kept weight of a row for a dropped one (swap_costs.inl).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../execute/instructions.hpp"
#include "comparisons.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The lowest cost of dropping a weight, the lowest cost of restoring one, the largest absolute
/// value of any cost, and the largest length of a weight that can be restored.
struct extreme_costs {
  double drop, restore, largest, length;
};

/// The cost of what cannot be done. It is above all others, and its double is finite.
inline constexpr double no_cost = 1e300;

/// Returns a product that is rounded by itself, even if the compiler may fuse it with a sum.
inline double rounded_product(double a, double b) noexcept {
  double product = a * b;
#if defined(__x86_64__)
  __asm__("" : "+x"(product));
#elif defined(__aarch64__)
  __asm__("" : "+w"(product));
#endif
  return product;
}

namespace portable {
struct swap_costs : comparisons {
#include "swap_costs.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct swap_costs : comparisons {
#  include "swap_costs.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::swap_costs;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(swap_costs) with the loops for the current instructions.
template <class Use>
decltype(auto) with_swap_costs(Use&& use) {
  return with_loops<portable::swap_costs, avx2::swap_costs, avx512::swap_costs>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
