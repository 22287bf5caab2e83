// Means of columns, and sums of squared deviations from them, in double.
//
// A few rows are merged at a time. Their numbers are taken as differences from the row of the
// largest weight. With d these differences and w the weights, the squared deviations of the rows
// are sum of w d^2 - (sum of w d)^2 / sum of w, of which at most one part in rows_together + 1
// remains, so that cancelling costs a few bits and not more. They are merged with those of the rows
// before by the formula of Chan, Golub and LeVeque. Equal numbers have deviations of exactly zero.
// Every column is by itself, so that the bits are the same for any length of vector.

static constexpr std::size_t rows_together = 8;

// Loads numbers of a row that has `width` of them left; the rest are zero.
template <std::size_t Few, class Element>
static const compute_type<Element>* load_rest(const Element* elements, std::size_t width,
                                              compute_type<Element>* room) noexcept {
  if (width == Few) return load_few<Few>(elements, room);
  for (std::size_t k = 0; k < Few; ++k)
    room[k] = k < width ? element_traits<Element>::load(elements[k]) : 0;
  return room;
}

// Merges `count` rows, at most rows_together, with weights above 0. `total` is the sum of these
// weights, `share` its part in the sum of all weights up to now, and `factor` the weight of the
// rows before times `share`.
template <class Element>
static void merge_rows(const Element* const* rows, const double* weights, std::size_t count,
                       std::size_t cols, double total, double share, double factor, double* means,
                       double* squares) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t block = 16, vectors = block / lanes<double>;
  std::size_t base = 0;
  for (std::size_t i = 1; i < count; ++i)
    if (weights[i] > weights[base]) base = i;
  for (std::size_t j = 0; j < cols; j += block) {
    const std::size_t width = (std::min)(block, cols - j);
    real room[block];
    const real* part = load_rest<block>(rows[base] + j, width, room);
    vec<double> from[vectors], sums[vectors] = {}, own[vectors] = {};
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < vectors; ++k) from[k] = as_doubles(part + k * lanes<double>);
    for (std::size_t i = 0; i < count; ++i) {
      part = load_rest<block>(rows[i] + j, width, room);
      const vec<double> weight = all(weights[i]);
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < vectors; ++k) {
        const vec<double> difference =
            as_rounded<double>(as_doubles(part + k * lanes<double>) - from[k]);
        const vec<double> weighted = as_rounded<double>(difference * weight);
        sums[k] += weighted;
        own[k] += weighted * difference;
      }
    }
    double padded_mean[block], padded_square[block];
    const bool is_whole = width == block;
    double* const mean = is_whole ? means + j : padded_mean;
    double* const square = is_whole ? squares + j : padded_square;
    if (!is_whole)
      for (std::size_t k = 0; k < block; ++k) {
        mean[k] = k < width ? means[j + k] : 0.0;
        square[k] = k < width ? squares[j + k] : 0.0;
      }
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < vectors; ++k) {
      double* const at = mean + k * lanes<double>;
      double* const square_at = square + k * lanes<double>;
      const vec<double> offset = sums[k] / total;
      const vec<double> deviations = own[k] - offset * sums[k];
      const vec<double> change = as_rounded<double>(from[k] - load(at)) + offset;
      store<double>(at, load(at) + change * share);
      const vec<double> added = deviations < vec<double>{} ? vec<double>{} : deviations;
      store<double>(square_at,
                    load(square_at) + (added + as_rounded<double>(change * factor) * change));
    }
    if (!is_whole)
      for (std::size_t k = 0; k < width; ++k) {
        means[j + k] = mean[k];
        squares[j + k] = square[k];
      }
  }
}
