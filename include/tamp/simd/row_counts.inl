// Counts over a row of scores, and the few scores in question, for selection over whole tensors.

// Returns, for each of some limits, how many numbers are below it.
template <class T, std::size_t Limits>
static std::array<std::size_t, Limits> counts_below(const T* numbers, std::size_t count,
                                                    const std::array<T, Limits>& limits) noexcept {
  vec<std::make_signed_t<bits_of_number<T>>> below[Limits] = {};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>) {
    const vec<T> v = load(numbers + j);
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < Limits; ++k) count_below<T>(v, all(limits[k]), below[k]);
  }
  std::array<std::size_t, Limits> counts;
  for (std::size_t k = 0; k < Limits; ++k) {
    counts[k] = static_cast<std::size_t>(sum_of_lanes(below[k]));
    for (std::size_t j = whole; j < count; ++j) counts[k] += numbers[j] < limits[k];
  }
  return counts;
}

// Splits a row by a bracket. Sets bit j of the words `above` where number j is above `to`, and of
// the words `inside` where it is within [from, to]. Clears the other bits. Writes the numbers
// inside to `within`, which needs room for one vector more. Meanwhile `next` is prefetched.
struct split {
  std::size_t below, inside;
};
template <class T>
static split split_row(const T* numbers, std::size_t count, T from, T to, T* within,
                       mask::word* above, mask::word* inside,
                       std::span<const std::byte> next = {}) noexcept {
  const vec<T> lowest = all(from), highest = all(to);
  const std::size_t whole = count / mask::word_bits, rest = count % mask::word_bits;
  const std::size_t fetched = whole == 0 ? 0 : next.size() / count * mask::word_bits;
  split result{0, 0};
  for (std::size_t w = 0; w < whole; ++w) {
    const T* const first = numbers + w * mask::word_bits;
    fetch_lines(next.data() + w * fetched, fetched);
    mask::word lower = 0, higher = 0;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits; k += lanes<T>) {
      const vec<T> v = load(first + k);
      lower |= mask::word{bits_below<T>(v, lowest)} << k;
      higher |= mask::word{bits_below<T>(highest, v)} << k;
    }
    above[w] = higher;
    inside[w] = ~(lower | higher);
    result.below += static_cast<std::size_t>(std::popcount(lower));
    result.inside += store_chosen<T>(first, inside[w], within + result.inside);
  }
  if (rest == 0) return result;
  above[whole] = inside[whole] = 0;
  for (std::size_t k = 0; k < rest; ++k) {
    const T number = numbers[whole * mask::word_bits + k];
    const bool is_higher = number > to;
    const bool is_lower = number < from;
    result.below += is_lower;
    above[whole] |= mask::word{is_higher} << k;
    inside[whole] |= mask::word{!is_lower && !is_higher} << k;
    if (!is_lower && !is_higher) within[result.inside++] = number;
  }
  return result;
}

// Sets those bits of `words` that are set in `inside` and stay: the k-th bit that is set in all of
// `inside` stays if bit `first` + k of `stays` is set. `stays` needs one word more. Returns the
// number of bits that are set in `inside`.
static std::size_t put_back(const mask::word* inside, std::size_t count, const mask::word* stays,
                            std::size_t first, mask::word* words) noexcept {
  std::size_t place = first;
  for (std::size_t w = 0; w < count; ++w) {
    const std::size_t at = place / mask::word_bits, shift = place % mask::word_bits;
    const mask::word own = stays[at] >> shift | stays[at + 1] << 1 << (mask::word_bits - 1 - shift);
    words[w] |= deposit(own, inside[w]);
    place += static_cast<std::size_t>(std::popcount(inside[w]));
  }
  return place - first;
}

template <class T>
static std::size_t count_equal(const T* numbers, std::size_t count, T number) noexcept {
  const vec<T> wanted = all(number);
  vec<std::make_signed_t<bits_of_number<T>>> equal{};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>) equal -= load(numbers + j) == wanted;
  auto found = static_cast<std::size_t>(sum_of_lanes(equal));
  for (std::size_t j = whole; j < count; ++j) found += numbers[j] == number;
  return found;
}
