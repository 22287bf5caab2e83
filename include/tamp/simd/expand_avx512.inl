// See sparse_rows.inl. AVX-512 expands lanes of four bytes by a mask. With VBMI2 it also expands
// lanes of two bytes and of one, which takes fewer instructions for the same weights.

static constexpr std::size_t strip = 64;

// Columns of bf16 are interleaved with VBMI2. 32 lanes of two bytes then become floats in two
// instructions: the even ones are shifted, the odd ones masked.
template <class Value>
static constexpr interleaving interleaved =
    has_vbmi2 && has_bits_of<Value, bf16> ? interleaving{32, 2} : interleaving{1, 1};

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

// Expands the weights of 64 columns from values[next] on, and moves `next` behind them.
template <class Value>
[[gnu::always_inline]] static inline void expand_strip(const std::byte* bits, const Value* values,
                                                       std::size_t& next,
                                                       vec<float>* weights) noexcept {
  mask::word word;
  std::memcpy(&word, bits, sizeof word);
  const auto low = static_cast<std::uint32_t>(word);
  const auto high = static_cast<std::uint32_t>(word >> 32);
  values += next;
  next += static_cast<std::size_t>(std::popcount(word));
  const Value* const middle = values + std::popcount(low);
  if constexpr (has_vbmi2 && sizeof(Value) == 2) {
    const __m512i pairs[2] = {_mm512_mask_expand_epi16(zeros(), low, _mm512_loadu_si512(values)),
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
    const __m512i bytes = _mm512_mask_expand_epi8(zeros(), word, _mm512_loadu_si512(values));
    weights[0] = floats_of_bytes(_mm512_maskz_extracti32x4_epi32(0xf, bytes, 0));
    weights[1] = floats_of_bytes(_mm512_maskz_extracti32x4_epi32(0xf, bytes, 1));
    weights[2] = floats_of_bytes(_mm512_maskz_extracti32x4_epi32(0xf, bytes, 2));
    weights[3] = floats_of_bytes(_mm512_maskz_extracti32x4_epi32(0xf, bytes, 3));
  } else {
    const Value* const from[4] = {values, values + std::popcount(low & 0xffffu), middle,
                                  middle + std::popcount(high & 0xffffu)};
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k)
      weights[k] = _mm512_mask_expand_ps((vec<float>)zeros(),
                                         static_cast<__mmask16>(word >> 16 * k), widen(from[k]));
  }
}

// Multiplies the weights of 64 columns, the first of a word, by the scales of the word.
static void scale_strip(const f16* scales, std::size_t, vec<float>* weights) noexcept {
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < 4; ++k)
    weights[k] *= floats_of_halves(
        _mm256_set1_epi16(static_cast<short>(scales[16 * k / scaled_columns].bits)));
}
