// See sparse_rows.inl. AVX2 permutes lanes by a table: a byte of the mask chooses the places of eight
// lanes.

static constexpr std::size_t strip = 16;

// Columns of bf16 are interleaved. 16 lanes of two bytes then become floats in two instructions: the
// even ones are shifted, the odd ones masked.
template <class Value>
static constexpr interleaving interleaved =
    has_bits_of<Value, bf16> ? interleaving{16, 2} : interleaving{1, 1};

static vec<float> even_floats(__m256i pairs) noexcept {
  return (vec<float>)((vec<std::uint32_t>)pairs << 16);
}
static vec<float> odd_floats(__m256i pairs) noexcept {
  return (vec<float>)((vec<std::uint32_t>)pairs & 0xffff0000u);
}
static vec<float> floats_of_bytes(__m128i bytes) noexcept {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

static __m128i load_8_bytes(const void* from) noexcept {
  return _mm_loadl_epi64(static_cast<const __m128i*>(from));
}
static __m128i load_16_bytes(const void* from) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
static __m256i load_32_bytes(const void* low, const void* high) noexcept {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_16_bytes(low)), load_16_bytes(high),
                                 1);
}

// Loads 8 values as floats.
template <class Value>
static vec<float> widen(const Value* values) noexcept {
  if constexpr (std::is_same_v<Value, float>)
    return load(values);
  else if constexpr (has_bits_of<Value, bf16>)
    return even_floats(_mm256_cvtepu16_epi32(load_16_bytes(values)));
  else if constexpr (has_bits_of<Value, f16>)
    return _mm256_cvtph_ps(load_16_bytes(values));
  else
    return floats_of_bytes(load_8_bytes(values));
}

template <class Value>
[[gnu::always_inline]] static inline void widen_strip(const Value* values,
                                                      vec<float>* weights) noexcept {
  if constexpr (interleaved<Value>.ways == 2) {
    __m256i pairs = load_32_bytes(values, values + 8);
    keep_in_register(pairs);
    weights[0] = even_floats(pairs);
    weights[1] = odd_floats(pairs);
  } else {
    weights[0] = widen(values);
    weights[1] = widen(values + 8);
  }
}

// Expands eight columns.
static vec<float> expand_eight(std::size_t byte, const float* values) noexcept {
  const __m256i places = _mm256_cvtepi8_epi32(load_8_bytes(&expanded_bytes[byte]));
  const __m256 dropped = (__m256)_mm256_srai_epi32(places, 31);
  return _mm256_andnot_ps(dropped, _mm256_permutevar8x32_ps(load(values), places));
}
static vec<float> expand_eight(std::size_t byte, const std::int8_t* values) noexcept {
  return floats_of_bytes(
      _mm_shuffle_epi8(load_8_bytes(values), load_8_bytes(&expanded_bytes[byte])));
}
template <class Half>
static vec<float> expand_eight(std::size_t byte, const Half* values) noexcept {
  return _mm256_cvtph_ps(
      _mm_shuffle_epi8(load_16_bytes(values), load_16_bytes(&expanded_pairs[byte])));
}

// Expands the weights of 16 columns from values[next] on, and moves `next` behind them.
template <class Value>
[[gnu::always_inline]] static inline void expand_strip(const std::byte* bits, const Value* values,
                                                       std::size_t& next,
                                                       vec<float>* weights) noexcept {
  const auto low = std::to_integer<std::size_t>(bits[0]);
  const auto high = std::to_integer<std::size_t>(bits[1]);
  const Value* const first = values + next;
  next += static_cast<std::size_t>(std::popcount(low));
  const Value* const second = values + next;
  next += static_cast<std::size_t>(std::popcount(high));
  if constexpr (interleaved<Value>.ways == 2) {
    const __m256i pairs = _mm256_shuffle_epi8(
        load_32_bytes(first, second), load_32_bytes(&expanded_pairs[low], &expanded_pairs[high]));
    weights[0] = even_floats(pairs);
    weights[1] = odd_floats(pairs);
  } else {
    weights[0] = expand_eight(low, first);
    weights[1] = expand_eight(high, second);
  }
}

// Multiplies the weights of 16 columns, from column `first` of a word on, by a scale of the word.
static void scale_strip(const f16* scales, std::size_t first, vec<float>* weights) noexcept {
  const vec<float> scale =
      _mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(scales[first / scaled_columns].bits)));
  weights[0] *= scale;
  weights[1] *= scale;
}
