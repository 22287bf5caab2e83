#pragma once

/// @file
/// Comparisons of vectors, as bits, and the lanes that they choose.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../detail/mask_word.hpp"
#include "cut.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct comparisons : vectors {
#include "flags.inl"
#include "portable.inl"
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
struct comparisons : vectors {
#  include "avx2.inl"
#  include "compress.inl"
#  include "flags.inl"
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {
struct comparisons : vectors {
#  include "avx512.inl"
#  include "compress.inl"
};
}  // namespace avx512
TAMP_SIMD_END
#endif

}  // namespace tamp::inline TAMP_FLAGS::detail
