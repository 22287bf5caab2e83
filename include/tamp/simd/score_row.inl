// The scores of one row, and whether all is well with them.

// What score_row found: about the sum of the scores, and whether all can be used.
template <class T>
struct row_scored {
  T sum;
  bool is_usable;
};

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
