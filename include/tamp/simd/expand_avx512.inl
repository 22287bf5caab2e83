// See sparse_rows.inl. AVX-512 expands lanes of four bytes by a mask. With VBMI2 it also expands
// lanes of two bytes and of one, which takes fewer instructions for the same weights.

static constexpr std::size_t strip = 64;

// With VBMI2, columns are interleaved. 32 lanes of bf16 then become floats in two instructions: the
// even ones are shifted, the odd ones masked. 64 lanes of a byte become the upper bytes of lanes of
// four in the same way.
template <class Value>
static constexpr interleaving interleaved = [] {
  if (has_vbmi2 && has_bits_of<Value, bf16>) return interleaving{32, 2};
  if (has_vbmi2 && is_scaled<Value>) return interleaving{64, 4};
  return interleaving{1, 1};
}();

static vec<float> even_floats(__m512i pairs) noexcept {
  return (vec<float>)((vec<std::uint32_t>)pairs << 16);
}
static vec<float> odd_floats(__m512i pairs) noexcept {
  return (vec<float>)((vec<std::uint32_t>)pairs & 0xffff0000u);
}

// Conversions name all lanes: GCC 12 takes those that other forms leave open for uninitialised.
static constexpr __mmask16 all_lanes = 0xffff;

static vec<float> floats_of_halves(__m256i halves) noexcept {
  return _mm512_maskz_cvtph_ps(all_lanes, halves);
}
static vec<float> floats_of_bytes(__m128i bytes) noexcept {
  return _mm512_maskz_cvtepi32_ps(all_lanes, _mm512_maskz_cvtepi8_epi32(all_lanes, bytes));
}

// Loads 16 values as floats.
template <class Value>
static vec<float> widen(const Value* values) noexcept {
  const void* const from = values;
  if constexpr (std::is_same_v<Value, float>)
    return load(values);
  else if constexpr (has_bits_of<Value, bf16>)
    return even_floats(_mm512_maskz_cvtepu16_epi32(
        all_lanes, _mm256_loadu_si256(static_cast<const __m256i*>(from))));
  else if constexpr (has_bits_of<Value, f16>)
    return floats_of_halves(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
  else
    return floats_of_bytes(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}

template <class Value>
[[gnu::always_inline]] static inline void widen_strip(const Value* values,
                                                      vec<float>* weights) noexcept {
  if constexpr (interleaved<Value>.ways == 2) {
    TAMP_SIMD_UNROLL
    for (std::size_t half = 0; half < 2; ++half) {
      __m512i pairs = _mm512_loadu_si512(values + 32 * half);
      keep_in_register(pairs);
      weights[2 * half] = even_floats(pairs);
      weights[2 * half + 1] = odd_floats(pairs);
    }
  } else {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k) weights[k] = widen(values + 16 * k);
  }
}

// A register of zeros to expand into. The compiler must not know that it is zero: it would expand
// with zeroing, for which Zen 4 and 5 wait for the destination's old content.
static __m512i zeros() noexcept {
  __m512i v = _mm512_setzero_si512();
  keep_in_register(v);
  return v;
}

// Expands the kept weights of 64 columns, and moves `values` behind them. With VBMI2, weights of 8
// bits come out 2^24 times as large.
template <class Value>
[[gnu::always_inline]] static inline void expand_strip(const std::byte* word_bits, std::size_t,
                                                       const Value*& values,
                                                       vec<float>* weights) noexcept {
  mask::word word;
  std::memcpy(&word, word_bits, sizeof word);
  const auto low = static_cast<std::uint32_t>(word);
  const auto high = static_cast<std::uint32_t>(word >> 32);
  const Value* const first = values;
  const Value* const middle = first + std::popcount(low);
  values += std::popcount(word);
  if constexpr (has_vbmi2 && sizeof(Value) == 2) {
    const __m512i pairs[2] = {_mm512_mask_expand_epi16(zeros(), low, _mm512_loadu_si512(first)),
                              _mm512_mask_expand_epi16(zeros(), high, _mm512_loadu_si512(middle))};
    TAMP_SIMD_UNROLL
    for (std::size_t half = 0; half < 2; ++half) {
      if constexpr (interleaved<Value>.ways == 2) {
        weights[2 * half] = even_floats(pairs[half]);
        weights[2 * half + 1] = odd_floats(pairs[half]);
      } else {
        weights[2 * half] = floats_of_halves(_mm512_maskz_extracti64x4_epi64(0xf, pairs[half], 0));
        weights[2 * half + 1] =
            floats_of_halves(_mm512_maskz_extracti64x4_epi64(0xf, pairs[half], 1));
      }
    }
  } else if constexpr (has_vbmi2 && sizeof(Value) == 1) {
    const auto fours =
        (vec<std::uint32_t>)_mm512_mask_expand_epi8(zeros(), word, _mm512_loadu_si512(first));
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k)
      weights[k] =
          _mm512_maskz_cvtepi32_ps(all_lanes, (__m512i)(fours << (24 - 8 * k) & 0xff000000u));
  } else {
    const Value* const from[4] = {first, first + std::popcount(low & 0xffffu), middle,
                                  middle + std::popcount(high & 0xffffu)};
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k)
      weights[k] = _mm512_mask_expand_ps((vec<float>)zeros(),
                                         static_cast<__mmask16>(word >> 16 * k), widen(from[k]));
  }
}

// Multiplies the weights of 64 columns by the two scales of their word.
static void scale_strip(const f16* scales, std::size_t, vec<float>* weights) noexcept {
  std::int32_t both;
  std::memcpy(&both, scales, sizeof both);
  const __m128 of_word = _mm_cvtph_ps(_mm_cvtsi32_si128(both));
  vec<float> scale[4];
  scale[0] = scale[1] = _mm512_maskz_broadcastss_ps(all_lanes, of_word);
  scale[2] = scale[3] = _mm512_maskz_broadcastss_ps(all_lanes, _mm_movehdup_ps(of_word));
  if constexpr (has_vbmi2) {
    constexpr __mmask16 second_half = 0xff00;
    const vec<float> of_lanes = _mm512_mask_mov_ps(scale[0], second_half, scale[2]) * 0x1p-24f;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k) scale[k] = of_lanes;
  }
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < 4; ++k) weights[k] *= scale[k];
}
