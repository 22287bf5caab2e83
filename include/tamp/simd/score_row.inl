// The scores of one row, and checks of them.

// Writes score(weight, column) for all weights. Checks that the weights are finite and that no
// score is NaN. A score that is NaN makes the sum NaN, and only then each score is checked. If
// `ShowsNonFinite`, a weight that is not finite gives a score that is not, so that a finite sum
// proves the weights, too.
//
// The loop takes two vectors at a time: the compiler knows the length of the inner loops and
// vectorises them even at -O2, together with the user's score. Exceptions of the score propagate.
template <bool ShowsNonFinite, class Element, class Score, class Out>
static auto score_row(const Element* weights, std::size_t count, const Score& score_of_row,
                      Out* __restrict scores) {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64;
  constexpr std::size_t few = 2 * (std::max)(lanes<real>, lanes<Out>);
  const Score score = score_of_row;  // a copy, which no write to the scores can change
  vec<bits_of_number<real>> weights_broken{};
  vec<Out> sums[4] = {};
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    fetch_ahead<block>(weights + j);
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

// Returns the approximate sum of scores made elsewhere, and true if none is NaN.
template <class T>
static auto look_at_scores(const T* scores, std::size_t count) noexcept {
  row_scored<T> result{sum_of(scores, count), true};
  if (is_nan(result.sum)) result.is_usable = are_numbers(scores, count);
  return result;
}
