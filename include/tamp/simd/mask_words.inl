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
template <class Bits>
static void replace_dropped(std::byte* elements, std::size_t count, const mask::word* words,
                            Bits zero) noexcept {
  const std::size_t whole = count / mask::word_bits;
  for (std::size_t w = 0; w < whole; ++w)
    replace_word<Bits>(words[w], elements + w * mask::word_bits * sizeof(Bits), zero);
  for (std::size_t j = whole * mask::word_bits; j < count; ++j)
    if ((words[whole] >> (j % mask::word_bits) & 1u) == 0)
      std::memcpy(elements + j * sizeof(Bits), &zero, sizeof zero);
}

// Returns the bits of the lanes that stay. These are the lanes that at least two others of their
// four precede. A lane precedes another if its score is lower or, at a tie, if it is to the left.
static std::uint32_t two_of_four_by_rank(vec<float> v) noexcept {
  const vec<float> neighbour = swap_neighbours(v), opposite = swap_pairs(v);
  const vec<float> last = swap_pairs(neighbour);
  vec<std::int32_t> is_odd, is_upper;  // right of its neighbour; of the right pair
  for (std::size_t k = 0; k < lanes<float>; ++k) {
    is_odd[k] = k % 2 == 0 ? 0 : -1;
    is_upper[k] = k % 4 < 2 ? 0 : -1;
  }
  const auto goes_first = [&](vec<float> other, vec<std::int32_t> is_left) {
    return (vec<std::int32_t>)(other < v) | ((vec<std::int32_t>)(other == v) & is_left);
  };
  const vec<std::int32_t> before =
      goes_first(neighbour, is_odd) + goes_first(opposite, is_upper) + goes_first(last, is_upper);
  return bits_below<float>(__builtin_convertvector(before, vec<float>), all(-1.5f));
}

// Keeps two of every four floats, for whole words.
//
// The second lowest of four is the lower of two numbers: the larger of the pairs' minima and the
// smaller of the pairs' maxima. Scores above it stay. At a tie with it fewer than two are above,
// and the ranks decide.
static void keep_2_of_4(const float* scores, std::size_t count, mask::word* words) noexcept {
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
      bits |= mask::word{bits_below<float>(second, v)} << k;
    }
    if (static_cast<std::size_t>(std::popcount(bits)) != mask::word_bits / 2) {
      bits = 0;
      for (std::size_t k = 0; k < mask::word_bits; k += lanes<float>)
        bits |= mask::word{two_of_four_by_rank(load(scores + j + k))} << k;
    }
    *words++ = bits;
  }
}
