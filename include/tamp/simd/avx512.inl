// See flags.inl and portable.inl. With AVX-512, comparisons give masks, and masks select lanes.

template <class T>
static std::uint32_t bits_below(vec<T> a, vec<T> b) noexcept {
  return mask_below<T>(a, b);
}
template <class T, class Counts>
static void count_below(vec<T> a, vec<T> b, Counts& counts) noexcept {
  count_lanes(mask_below<T>(a, b), counts);
}
// NLT_UQ, "not below", includes NaN. LE_OQ then excludes it.
template <class T, class Counts>
static std::uint32_t bits_within(vec<T> v, vec<T> from, vec<T> to, Counts& below) noexcept {
  if constexpr (sizeof(T) == 8) {
    const __mmask8 stays = _mm512_cmp_pd_mask(v, from, _CMP_NLT_UQ);
    count_lanes(_knot_mask8(stays), below);
    return _mm512_mask_cmp_pd_mask(stays, v, to, _CMP_LE_OQ);
  } else {
    const __mmask16 stays = _mm512_cmp_ps_mask(v, from, _CMP_NLT_UQ);
    count_lanes(_knot_mask16(stays), below);
    return _mm512_mask_cmp_ps_mask(stays, v, to, _CMP_LE_OQ);
  }
}

template <class T>
static auto mask_below(vec<T> a, vec<T> b) noexcept {
  if constexpr (sizeof(T) == 8)
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
  else
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
// Adds one to the lanes of a mask, which is one instruction. A comparison as a vector would be made
// of the mask first.
template <class Mask, class Counts>
static void count_lanes(Mask chosen, Counts& counts) noexcept {
  const __m512i before = (__m512i)counts;
  if constexpr (sizeof(Mask) == 1)
    counts = (Counts)_mm512_mask_add_epi64(before, chosen, before, _mm512_set1_epi64(1));
  else
    counts = (Counts)_mm512_mask_add_epi32(before, chosen, before, _mm512_set1_epi32(1));
}

template <class Bits>
static void replace_word(mask::word keep, std::byte* elements, Bits zero) noexcept {
  const __m512i instead = (__m512i)all(zero);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < mask::word_bits; k += lanes<Bits>) {
    std::byte* const at = elements + k * sizeof(Bits);
    const __m512i v = _mm512_loadu_si512(at);
    if constexpr (sizeof(Bits) == 8)
      _mm512_storeu_si512(at, _mm512_mask_mov_epi64(instead, static_cast<__mmask8>(keep >> k), v));
    else if constexpr (sizeof(Bits) == 4)
      _mm512_storeu_si512(at, _mm512_mask_mov_epi32(instead, static_cast<__mmask16>(keep >> k), v));
    else if constexpr (sizeof(Bits) == 2)
      _mm512_storeu_si512(at, _mm512_mask_mov_epi16(instead, static_cast<__mmask32>(keep >> k), v));
    else
      _mm512_storeu_si512(at, _mm512_mask_mov_epi8(instead, static_cast<__mmask64>(keep >> k), v));
  }
}

// Stores the lanes whose bit is set, one after the other. A whole vector is written. The lanes are
// compressed in a register, since compressing into memory is slow on some processors, and over the
// vector itself, since zeros for the other lanes take longer.
template <class T>
static void compress(T* to, vec<T> v, std::uint32_t bits) noexcept {
  if constexpr (sizeof(T) == 8)
    store<T>(to,
             (vec<T>)_mm512_mask_compress_pd((__m512d)v, static_cast<__mmask8>(bits), (__m512d)v));
  else
    store<T>(to,
             (vec<T>)_mm512_mask_compress_ps((__m512)v, static_cast<__mmask16>(bits), (__m512)v));
}

static vec<float> swap_neighbours(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}
static vec<float> first_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13);
}
static vec<float> second_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 2, 3, 3, 2, 6, 7, 7, 6, 10, 11, 11, 10, 14, 15, 15, 14);
}
