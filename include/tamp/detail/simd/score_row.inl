// The scores of one row, and whether all is well with them.

// Bits whose uppermost is set in lanes of numbers that are not finite: one added to an exponent of
// ones overflows into it.
template <class T>
static vec<bits_of_number<T>> not_finite(vec<bits_of_number<T>> number) noexcept {
  using bits = bits_of_number<T>;
  constexpr bits sign = bits{1} << (sizeof(T) * 8 - 1);
  constexpr bits one = bits{1} << (std::numeric_limits<T>::digits - 1);
  return (number & all<bits>(~sign)) + all<bits>(one);
}
// The same for what is not a number: it is above infinity.
template <class T>
static vec<bits_of_number<T>> not_a_number(vec<bits_of_number<T>> number) noexcept {
  using bits = bits_of_number<T>;
  constexpr bits sign = bits{1} << (sizeof(T) * 8 - 1);
  return all<bits>(std::bit_cast<bits>(infinity<T>)) - (number & all<bits>(~sign));
}
template <class T>
static bool has_sign(vec<T> numbers) noexcept {
  T any = 0;
  for (std::size_t k = 0; k < lanes<T>; ++k) any |= numbers[k];
  return any >> (sizeof(T) * 8 - 1) != 0;
}

// Whether all elements of a row are finite.
template <class Element>
static bool row_is_finite(const Element* elements, std::size_t count) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64;
  constexpr std::size_t few = 2 * lanes<real>;
  vec<bits_of_number<real>> broken[2] = {};
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    TAMP_SIMD_UNROLL
    for (std::size_t b = 0; b < block; b += few) {
      real room[few];
      const real* const part = load_few<few>(elements + j + b, room);
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < few; k += lanes<real>)
        broken[k / lanes<real>] |= not_finite<real>(load_bits(part + k));
    }
  }
  bool is_usable = !has_sign<bits_of_number<real>>(broken[0] | broken[1]);
  for (std::size_t j = whole; j < count; ++j)
    is_usable &= is_finite(element_traits<Element>::load(elements[j]));
  return is_usable;
}

// What score_row found: about the sum of the scores, and whether all can be used.
template <class T>
struct row_scored {
  T sum;
  bool is_usable;
};

// True if no number is NaN.
template <class T>
static bool are_numbers(const T* numbers, std::size_t count) noexcept {
  vec<bits_of_number<T>> broken{};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>)
    broken |= not_a_number<T>(load_bits(numbers + j));
  bool is_usable = !has_sign<bits_of_number<T>>(broken);
  for (std::size_t j = whole; j < count; ++j) is_usable &= !is_nan(numbers[j]);
  return is_usable;
}

// Writes score(weight, column) for all weights, and looks whether the weights are finite and the
// scores are numbers: a score that is not makes their sum one that is not, and only then each is
// looked at. Where scores show which weights are not finite, the sum stands for the weights, too.
//
// Two vectors at a time, so that the compiler knows how often the inner loops run and turns them
// into vectors even at -O2, the user's score among them. What the score throws comes out.
template <bool ShowsNonFinite, class Element, class Score, class Out>
static auto score_row(const Element* weights, std::size_t count, const Score& score_of_row,
                      Out* __restrict scores) {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64;
  constexpr std::size_t few = 2 * (std::max)(lanes<real>, lanes<Out>);
  const Score score = score_of_row;  // of our own: what is written cannot change it
  vec<bits_of_number<real>> weights_broken{};
  vec<Out> sums[4] = {};
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    fetch_block(weights + j);
    TAMP_SIMD_UNROLL
    for (std::size_t b = 0; b < block; b += few) {
      real room[few];
      Out out[few];
      const real* const part = load_few<few>(weights + j + b, room);
      for (std::size_t k = 0; k < few; ++k) out[k] = score(part[k], j + b + k);
      if constexpr (!ShowsNonFinite) {
        TAMP_SIMD_UNROLL
        for (std::size_t k = 0; k < few; k += lanes<real>)
          weights_broken |= not_finite<real>(load_bits(part + k));
      }
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < few; k += lanes<Out>) {
        const vec<Out> v = load<Out>(out + k);
        sums[(b + k) / lanes<Out> % 4] += v;
        store<Out>(scores + j + b + k, v);
      }
    }
  }
  row_scored<Out> result{sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])), true};
  for (std::size_t j = whole; j < count; ++j) {
    const real weight = element_traits<Element>::load(weights[j]);
    scores[j] = score(weight, j);
    result.sum += scores[j];
    result.is_usable &= is_finite(weight);
  }
  if (has_sign<bits_of_number<real>>(weights_broken)) result.is_usable = false;
  if (ShowsNonFinite && !is_finite(result.sum))
    result.is_usable = result.is_usable && row_is_finite(weights, count);
  if (is_nan(result.sum)) result.is_usable = result.is_usable && are_numbers(scores, count);
  return result;
}

// About the sum of scores that somebody else made, and whether they are all numbers.
template <class T>
static auto look_at_scores(const T* scores, std::size_t count) noexcept {
  row_scored<T> result{sum_of(scores, count), true};
  if (is_nan(result.sum)) result.is_usable = are_numbers(scores, count);
  return result;
}
