#pragma once

/// @file
/// Energies of sums of vectors, one vector a head, for tokens side by side (head_energies.inl).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "conversion.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The number of tokens side by side. It is a multiple of every tile of products.hpp.
inline constexpr std::size_t head_tokens = 48;

/// Returns the number of pairs of heads, in either order, and of a head with itself. Requires fewer
/// than 2^32 heads.
constexpr std::size_t head_pairs(std::size_t heads) noexcept { return heads * (heads + 1) / 2; }

namespace portable {
struct head_energies : conversion {
#include "head_energies.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct head_energies : conversion {
#  include "head_energies.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::head_energies;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(head_energies) with the loops for the current instructions.
template <class Use>
decltype(auto) with_head_energies(Use&& use) {
  return with_loops<portable::head_energies, avx2::head_energies, avx512::head_energies>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
