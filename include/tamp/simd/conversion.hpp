#pragma once

/// @file
/// Conversion of elements to contiguous rows of their compute type, from rows (elements.inl) and
/// from columns (tiles.inl).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "../element.hpp"
#include "../execute/instructions.hpp"
#include "cut.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct conversion : vectors {
#include "widening.inl"
  // The files below use the file above.
#include "elements.inl"
#include "tiles.inl"
#include "transpose.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct conversion : vectors {
#  include "widening_avx2.inl"
  // The files below use the file above.
#  include "elements.inl"
#  include "tiles.inl"
#  include "transpose.inl"
};
}  // namespace avx2
TAMP_SIMD_END

namespace avx512 {
using avx2::conversion;  // loops with arithmetic are those of AVX2: see vectors.hpp
}  // namespace avx512
#endif

/// Calls use(conversion) with the loops for the current instructions.
template <class Use>
decltype(auto) with_conversion(Use&& use) {
  return with_loops<portable::conversion, avx2::conversion, avx512::conversion>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
