// Between a row's numbers and the words of its mask.

// Bit j of the words is set where number j is above the threshold.
template <class T>
static void keep_above(const T* numbers, std::size_t count, T threshold,
                       mask::word* words) noexcept {
  const vec<T> limit = all(threshold);
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w) {
    mask::word bits = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<T>)
      bits |= mask::word{bits_below<T>(limit, load(numbers + w * mask::word_bits + k))} << k;
    words[w] = bits;
  }
  if (count % mask::word_bits == 0) return;
  mask::word bits = 0;
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    bits |= mask::word{numbers[j] > threshold} << (j % mask::word_bits);
  words[whole] = bits;
}

// Each element becomes +0, which has no bit set, where its bit in the words is 0.
template <class Bits>
static void zero_dropped(std::byte* elements, std::size_t count, const mask::word* words) noexcept {
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w)
    zero_dropped<Bits>(words[w], elements + w * mask::word_bits * sizeof(Bits));
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    if ((words[whole] >> (j % mask::word_bits) & 1u) == 0)
      std::memset(elements + j * sizeof(Bits), 0, sizeof(Bits));
}

// Two of every four floats stay. Returns false if equal scores make that ambiguous somewhere; the
// words are then of no use.
//
// The second lowest of four is the lower of: the larger of the pairs' lower ones, and the lower of
// the pairs' higher ones.
static bool keep_2_of_4(const float* scores, std::size_t count, mask::word* words) noexcept {
  vec<std::int32_t> kept{};
  for (std::size_t j = 0; j + mask::word_bits <= count; j += mask::word_bits) {
    mask::word bits = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<float>) {
      const vec<float> v = load(scores + j + k), neighbour = swap_neighbours(v);
      const vec<float> lower = v < neighbour ? v : neighbour;
      const vec<float> higher = v < neighbour ? neighbour : v;
      const vec<float> other_lower = swap_pairs(lower), other_higher = swap_pairs(higher);
      const vec<float> larger = lower < other_lower ? other_lower : lower;
      const vec<float> smaller = higher < other_higher ? higher : other_higher;
      const vec<float> second = larger < smaller ? larger : smaller;
      kept -= second < v;
      bits |= mask::word{bits_below<float>(second, v)} << k;
    }
    *words++ = bits;
  }
  // At most two of each four were kept.
  return static_cast<std::size_t>(sum_of_lanes(kept)) ==
         count / mask::word_bits * (mask::word_bits / 2);
}
