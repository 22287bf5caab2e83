// Loops between a row's numbers and the words of its mask.

// Sets bit j of the words where number j is above the threshold, and if `OrEqual` where it equals
// it. Clears the other bits.
template <bool OrEqual = false, class T>
static void keep_above(const T* numbers, std::size_t count, T threshold,
                       mask::word* words) noexcept {
  const vec<T> limit = all(threshold);
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w) {
    mask::word bits = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<T>) {
      const vec<T> v = load(numbers + w * mask::word_bits + k);
      bits |= mask::word{OrEqual ? bits_below<T>(v, limit) : bits_below<T>(limit, v)} << k;
    }
    words[w] = OrEqual ? ~bits : bits;
  }
  if (count % mask::word_bits == 0) return;
  mask::word bits = 0;
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    bits |= mask::word{numbers[j] > threshold || (OrEqual && numbers[j] == threshold)}
            << (j % mask::word_bits);
  words[whole] = bits;
}

// Sets bit j of the words where number j is not zero, as NaN is not. Clears the other bits.
template <class T>
static void keep_nonzero(const T* numbers, std::size_t count, mask::word* words) noexcept {
  const vec<T> zero{};
  [[maybe_unused]] vec<std::make_signed_t<bits_of_number<T>>> below{};
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w) {
    mask::word zeros = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<T>)
      zeros |=
          mask::word{bits_within<T>(load(numbers + w * mask::word_bits + k), zero, zero, below)}
          << k;
    words[w] = ~zeros;
  }
  if (count % mask::word_bits == 0) return;
  mask::word bits = 0;
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    bits |= mask::word{numbers[j] != 0} << (j % mask::word_bits);
  words[whole] = bits;
}

// Replaces each element whose bit in the words is 0 by `zero`, the bits that its type has for 0.
// Meanwhile what lies two pages ahead is prefetched.
template <class Bits>
static void replace_dropped(std::byte* elements, std::size_t count, const mask::word* words,
                            Bits zero) noexcept {
  constexpr std::size_t block = mask::word_bits * sizeof(Bits), ahead = 2 * 4096;
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w) {
    std::byte* const first = elements + w * block;
    fetch_lines<block>(first + ahead);
    replace_word<Bits>(words[w], first, zero);
  }
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    if ((words[whole] >> (j % mask::word_bits) & 1u) == 0)
      std::memcpy(elements + j * sizeof(Bits), &zero, sizeof zero);
}

// Keeps two of every four floats, for whole words. Meanwhile `next` is prefetched.
//
// Each two of the four are compared once, the left to the right one. One of the two precedes the
// other: the left one, unless it is higher. So the left one goes first at a tie. A float stays if
// at least two of the three others precede it. Vectors compare, and words of 64 results do the
// rest.
static void keep_2_of_4(const float* scores, std::size_t count, mask::word* words,
                        std::span<const std::byte> next = {}) noexcept {
  constexpr mask::word first = 0x1111111111111111u;  // the first of every four bits
  const std::size_t fetched = count < mask::word_bits ? 0 : next.size() / count * mask::word_bits;
  for (std::size_t j = 0; j + mask::word_bits <= count; j += mask::word_bits) {
    fetch_lines(next.data() + j / mask::word_bits * fetched, fetched);
    mask::word within = 0, across = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<float>) {
      const vec<float> v = load(scores + j + k);
      // 0 > 1 and 2 > 3, in bits 0 and 2; then 0 > 2, 1 > 3, 0 > 3 and 1 > 2.
      within |= mask::word{bits_below<float>(swap_neighbours(v), v)} << k;
      across |= mask::word{bits_below<float>(second_pairs(v), first_pairs(v))} << k;
    }
    const mask::word in_pair = within & (5 * first), in_reverse = ~across;
    // For each float, three others: its neighbour, the one two places away, the last one.
    const mask::word after_neighbour = in_pair | ((in_pair ^ (5 * first)) << 1);
    const mask::word after_opposite = (across & (3 * first)) | ((in_reverse & (3 * first)) << 2);
    const mask::word after_last = ((across >> 2) & (3 * first)) |
                                  ((in_reverse & (8 * first)) >> 1) |
                                  ((in_reverse & (4 * first)) << 1);
    *words++ =
        (after_neighbour & after_opposite) | (after_last & (after_neighbour | after_opposite));
  }
}
