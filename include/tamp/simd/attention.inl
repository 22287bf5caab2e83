// Softmax attention of sixteen queries at a time, one lane each. See
// compute/detail/attention_tile.hpp.

static constexpr std::size_t queries = 16, query_vectors = queries / lanes<float>;

// Sets to[i * queries + s] to the sum over r of left(i, r) * right[r * queries + s], for r < count
// and i < rows. The accumulators stay in registers, for attention_rows rows at a time.
template <class Left>
static void multiply_queries(const Left& left, std::size_t rows, const float* right,
                             std::size_t count, float* to) noexcept {
  std::size_t i = 0;
  for (; i + attention_rows <= rows; i += attention_rows)
    multiply_rows<attention_rows>(left, i, right, count, to + i * queries);
  for (; i < rows; ++i) multiply_rows<1>(left, i, right, count, to + i * queries);
}
template <std::size_t Rows, class Left>
static void multiply_rows(const Left& left, std::size_t first, const float* right,
                          std::size_t count, float* to) noexcept {
  vec<float> sums[Rows][query_vectors] = {};
  for (std::size_t r = 0; r < count; ++r, right += queries) {
    vec<float> numbers[query_vectors];
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < query_vectors; ++p) numbers[p] = load(right + p * lanes<float>);
    TAMP_SIMD_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      const vec<float> factor = all(left(first + i, r));
      TAMP_SIMD_UNROLL
      for (std::size_t p = 0; p < query_vectors; ++p)
        sums[i][p] = multiply_add<float>(factor, numbers[p], sums[i][p]);
    }
  }
  TAMP_SIMD_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < query_vectors; ++p)
      store<float>(to + i * queries + p * lanes<float>, sums[i][p]);
  }
}

// Returns 2^number, accurate to 2e-7 of it, and 0 below -126.5. Numbers must not be positive.
static vec<float> exp2_of_negative(vec<float> number) noexcept {
  using integers = vec<std::int32_t>;
  const vec<float> lowest = all(-127.0f);
  const vec<float> x = number > lowest ? number : lowest;
  const integers whole = __builtin_convertvector(x - 0.5f, integers);      // the nearest
  const vec<float> part = x - __builtin_convertvector(whole, vec<float>);  // in [-0.5, 0.5]
  // The truncated series of exp(part * ln 2). The first term left out is below 6e-9.
  constexpr float terms[] = {1.5403530e-4f, 1.3333558e-3f, 9.6181291e-3f, 5.5504109e-2f,
                             2.4022651e-1f, 6.9314718e-1f, 1.0f};
  vec<float> sum = all(1.5252734e-5f);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < 7; ++k) sum = multiply_add<float>(sum, part, all(terms[k]));
  return sum * (vec<float>)((whole + 127) << 23);  // by 0 if whole is -127
}

// Turns the scores of some keys into weights relative to each query's largest score so far. Raises
// that largest score, and adds the weights to the query's total weight. Sums of values made before
// are too large by a factor of 1 / shrink.
static void make_weights(float* scores, std::size_t keys, float* largest_so_far, float* weights,
                         float* shrink) noexcept {
  for (std::size_t s = 0; s < queries; s += lanes<float>) {
    const vec<float> before = load(largest_so_far + s);
    vec<float> largest = before, weight{};
    for (std::size_t r = 0; r < keys; ++r) {
      const vec<float> score = load(scores + r * queries + s);
      largest = score > largest ? score : largest;
    }
    for (std::size_t r = 0; r < keys; ++r) {
      const vec<float> w = exp2_of_negative(load(scores + r * queries + s) - largest);
      store<float>(scores + r * queries + s, w);
      weight += w;
    }
    const vec<float> factor = exp2_of_negative(before - largest);
    store<float>(shrink + s, factor);
    store<float>(weights + s, multiply_add<float>(load(weights + s), factor, weight));
    store<float>(largest_so_far + s, largest);
  }
}

// Sets sums = sums * shrink + parts. A row has one number for each query.
static void add_shrunk(const float* parts, std::size_t rows, const float* shrink,
                       float* sums) noexcept {
  for (std::size_t s = 0; s < queries; s += lanes<float>) {
    const vec<float> factor = load(shrink + s);
    for (std::size_t k = s; k < rows * queries; k += queries)
      store<float>(sums + k, multiply_add<float>(load(sums + k), factor, load(parts + k)));
  }
}
