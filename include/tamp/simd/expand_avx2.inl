// See sparse_rows.inl. AVX2 permutes lanes by a table: a byte of the mask chooses the places of
// eight lanes. Permuting bytes also makes floats of bf16, by moving them to the upper halves of
// lanes of four bytes. The loops are bound by loads, of which each eight columns need three: their
// weights, an entry of the table, and activations.

static constexpr std::size_t strip = 16;

template <class Value>
static constexpr interleaving interleaved{1, 1};

static __m128i load_8_bytes(const void* from) noexcept {
  return _mm_loadl_epi64(static_cast<const __m128i*>(from));
}
static __m128i load_16_bytes(const void* from) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
static __m256i load_32_bytes(const void* from) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// Loads 8 values as floats.
template <class Value>
static vec<float> widen(const Value* values) noexcept {
  if constexpr (std::is_same_v<Value, float>)
    return load(values);
  else if constexpr (has_bits_of<Value, bf16>)
    return (vec<float>)_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_16_bytes(values)), 16);
  else if constexpr (has_bits_of<Value, f16>)
    return _mm256_cvtph_ps(load_16_bytes(values));
  else
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_8_bytes(values)));
}

template <class Value>
[[gnu::always_inline]] static inline void widen_strip(const Value* values,
                                                      vec<float>* weights) noexcept {
  weights[0] = widen(values);
  weights[1] = widen(values + 8);
}

// Expands eight columns by the entry of a table that begins `entry` bytes behind the first one.
// Weights of 8 bits come out 2^24 times as large: their bytes are the upper ones of their lanes.
static vec<float> expand_eight(const float* values, std::size_t entry) noexcept {
  __m256i places = load_32_bytes(expanded_lanes.data() + entry);
  keep_in_register(places);
  return _mm256_blendv_ps(_mm256_permutevar8x32_ps(load(values), places), vec<float>{},
                          (vec<float>)places);
}
static vec<float> expand_eight(const std::int8_t* values, std::size_t entry) noexcept {
  const __m256i pairs =
      _mm256_unpacklo_epi8(_mm256_setzero_si256(), _mm256_broadcastq_epi64(load_8_bytes(values)));
  return _mm256_cvtepi32_ps(
      _mm256_shuffle_epi8(pairs, load_32_bytes(expanded_lanes.data() + entry)));
}
template <class Half>
static vec<float> expand_eight(const Half* values, std::size_t entry) noexcept {
  const __m128i halves = load_16_bytes(values);
  if constexpr (has_bits_of<Half, bf16>)
    return (vec<float>)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(halves),
                                           load_32_bytes(expanded_lanes.data() + entry));
  else
    return _mm256_cvtph_ps(_mm_shuffle_epi8(halves, load_16_bytes(expanded_pairs.data() + entry)));
}

// Expands the kept weights of 16 columns, from column `first` of a word on, and moves `values`
// behind them. A rotation brings each byte of the mask where it is the place of its entry in bytes.
template <class Value>
[[gnu::always_inline]] static inline void expand_strip(const std::byte* word_bits,
                                                       std::size_t first, const Value*& values,
                                                       vec<float>* weights) noexcept {
  constexpr std::size_t entry_bytes = has_bits_of<Value, f16> ? 16 : 32;
  mask::word word;
  std::memcpy(&word, word_bits, sizeof word);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < 2; ++k) {
    const auto by = static_cast<int>(first + 8 * k) - std::countr_zero(entry_bytes);
    const std::size_t entry = std::rotr(word, by) & 255 * entry_bytes;
    weights[k] = expand_eight(values, entry);
    values += std::popcount(entry);
  }
}

// Multiplies the weights of 16 columns, from column `first` of a word on, by a scale of the word.
static void scale_strip(const f16* scales, std::size_t first, vec<float>* weights) noexcept {
  std::int32_t both;
  std::memcpy(&both, scales, sizeof both);
  const __m128 of_word = _mm_cvtph_ps(_mm_cvtsi32_si128(both)) * 0x1p-24f;
  const vec<float> scale =
      _mm256_broadcastss_ps(first < scaled_columns ? of_word : _mm_movehdup_ps(of_word));
  weights[0] *= scale;
  weights[1] *= scale;
}
