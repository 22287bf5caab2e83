#pragma once

/// @file
/// Copies of the elements of a row that a mask keeps (kept_elements.inl).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../detail/mask_word.hpp"
#include "../execute/instructions.hpp"
#include "cut.hpp"
#include "intrinsics.hpp"
#include "vectors.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

namespace portable {
struct kept_elements {
#include "kept_elements.inl"
  template <std::size_t Bytes>
  static std::byte* pack_word(mask::word word, const std::byte* elements, std::byte* out) noexcept {
    return pack_one_by_one<Bytes>(word, elements, out);
  }
};
}  // namespace portable

#if TAMP_SIMD_X86
TAMP_SIMD_BEGIN_AVX2
namespace avx2 {
/// Eight elements are permuted by a table that has the places of the chosen ones for each byte of
/// the mask. Those of two bytes move as pairs of bytes, at twice the places.
struct kept_elements {
#  include "kept_elements.inl"
  template <std::size_t Bytes>
  static std::byte* pack_word(mask::word word, const std::byte* elements, std::byte* out) noexcept {
    if constexpr (Bytes == 1) {
      return pack_one_by_one<Bytes>(word, elements, out);
    } else {
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < mask::word_bits; k += 8) {
        const auto bits = static_cast<std::size_t>(word >> k & 0xffu);
        const void* const from = elements + k * Bytes;
        void* const to = out;
        const __m128i chosen = _mm_cvtsi64_si128(static_cast<long long>(chosen_of_8[bits]));
        if constexpr (Bytes == 4) {
          const __m256i v = _mm256_loadu_si256(static_cast<const __m256i*>(from));
          _mm256_storeu_si256(static_cast<__m256i*>(to),
                              _mm256_permutevar8x32_epi32(v, _mm256_cvtepu8_epi32(chosen)));
        } else {
          const __m128i twice = _mm_mullo_epi16(_mm_cvtepu8_epi16(chosen), _mm_set1_epi16(0x0202));
          const __m128i v = _mm_loadu_si128(static_cast<const __m128i*>(from));
          _mm_storeu_si128(static_cast<__m128i*>(to),
                           _mm_shuffle_epi8(v, _mm_add_epi16(twice, _mm_set1_epi16(0x0100))));
        }
        out += static_cast<std::size_t>(std::popcount(bits)) * Bytes;
      }
      return out;
    }
  }
};
}  // namespace avx2
TAMP_SIMD_END

TAMP_SIMD_BEGIN_AVX512
namespace avx512 {
/// Sixteen elements are compressed as lanes of four bytes.
struct kept_elements {
#  include "kept_elements.inl"
  template <std::size_t Bytes>
  static std::byte* pack_word(mask::word word, const std::byte* elements, std::byte* out) noexcept {
    constexpr __mmask16 all_lanes = 0xffff;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += 16) {
      const auto bits = static_cast<__mmask16>(word >> k);
      const void* const from = elements + k * Bytes;
      void* const to = out;
      if constexpr (Bytes == 4) {
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(bits, _mm512_loadu_si512(from)));
      } else if constexpr (Bytes == 2) {
        const __m512i v = _mm512_maskz_cvtepu16_epi32(
            all_lanes, _mm256_loadu_si256(static_cast<const __m256i*>(from)));
        _mm256_storeu_si256(
            static_cast<__m256i*>(to),
            _mm512_maskz_cvtepi32_epi16(all_lanes, _mm512_maskz_compress_epi32(bits, v)));
      } else {
        const __m512i v = _mm512_maskz_cvtepu8_epi32(
            all_lanes, _mm_loadu_si128(static_cast<const __m128i*>(from)));
        _mm_storeu_si128(
            static_cast<__m128i*>(to),
            _mm512_maskz_cvtepi32_epi8(all_lanes, _mm512_maskz_compress_epi32(bits, v)));
      }
      out += static_cast<std::size_t>(std::popcount(unsigned{bits})) * Bytes;
    }
    return out;
  }
};
}  // namespace avx512
TAMP_SIMD_END
#endif

/// Calls use(kept_elements) with the loops for the current instructions.
template <class Use>
decltype(auto) with_kept_elements(Use&& use) {
  return with_loops<portable::kept_elements, avx2::kept_elements, avx512::kept_elements>(
      execute::current_instructions(), std::forward<Use>(use));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
