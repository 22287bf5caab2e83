// Energies of sums of vectors, one vector a head, for head_tokens tokens side by side.
//
//     |sum_h a_h c_h|^2 = sum_h a_h sum_{k >= h} g(h, k) a_k,  g(h, k) = <c_h, c_k>, twice if k > h
//
// The pairs (h, k) are in the order (0, 0), (0, 1) ... (1, 1), (1, 2) ... Each has head_tokens
// numbers, one for each token. Every token has sums of its own, in one order for all sets of
// instructions.

static constexpr std::size_t pair_place(std::size_t heads, std::size_t h, std::size_t k) noexcept {
  return h * (2 * heads - h + 1) / 2 + k - h;
}

// Adds <c_h, c_k> for Left heads from h on and Right heads from k on, for a few tokens from `first`
// on. Pairs below the diagonal are not stored.
static constexpr std::size_t few_vectors = 2;  // of tokens: eight accumulators, five operands
template <std::size_t Left, std::size_t Right>
static void add_products_of_few(const double* vectors, std::size_t head_pitch, std::size_t features,
                                std::size_t heads, std::size_t h, std::size_t k, std::size_t first,
                                double* products) noexcept {
  vec<double> sums[Left][Right][few_vectors] = {};
  const double* const left = vectors + h * head_pitch + first;
  const double* const right = vectors + k * head_pitch + first;
  for (std::size_t f = 0; f < features * head_tokens; f += head_tokens) {
    vec<double> others[Right][few_vectors];
    TAMP_SIMD_UNROLL
    for (std::size_t q = 0; q < Right; ++q) {
      TAMP_SIMD_UNROLL
      for (std::size_t w = 0; w < few_vectors; ++w)
        others[q][w] = load(right + q * head_pitch + f + w * lanes<double>);
    }
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < Left; ++p) {
      TAMP_SIMD_UNROLL
      for (std::size_t w = 0; w < few_vectors; ++w) {
        const vec<double> own = load(left + p * head_pitch + f + w * lanes<double>);
        TAMP_SIMD_UNROLL
        for (std::size_t q = 0; q < Right; ++q) sums[p][q][w] += own * others[q][w];
      }
    }
  }
  TAMP_SIMD_UNROLL
  for (std::size_t p = 0; p < Left; ++p) {
    TAMP_SIMD_UNROLL
    for (std::size_t q = 0; q < Right; ++q) {
      if (h + p > k + q) continue;
      double* const to = products + pair_place(heads, h + p, k + q) * head_tokens + first;
      TAMP_SIMD_UNROLL
      for (std::size_t w = 0; w < few_vectors; ++w)
        store<double>(to + w * lanes<double>, load(to + w * lanes<double>) + sums[p][q][w]);
    }
  }
}

// Adds <c_h, c_k> over some features of all heads to the products of the pairs. Head h's vectors
// are (features, head_tokens), row-major, at vectors + h * head_pitch. What all pairs read of a few
// tokens and features stays in the first-level cache.
static void add_head_products(const double* vectors, std::size_t head_pitch, std::size_t features,
                              std::size_t heads, double* products) noexcept {
  constexpr std::size_t run = 24, step = few_vectors * lanes<double>;
  static_assert(head_tokens % step == 0);
  for (std::size_t f = 0; f < features; f += run) {
    const double* const from = vectors + f * head_tokens;
    const std::size_t count = (std::min)(run, features - f);
    for (std::size_t j = 0; j < head_tokens; j += step)
      for (std::size_t h = 0; h < heads; h += 2)
        for (std::size_t k = h; k < heads; k += 2) {
          if (k + 1 < heads)
            add_products_of_few<2, 2>(from, head_pitch, count, heads, h, k, j, products);
          else if (h + 1 < heads)
            add_products_of_few<2, 1>(from, head_pitch, count, heads, h, k, j, products);
          else
            add_products_of_few<1, 1>(from, head_pitch, count, heads, h, k, j, products);
        }
  }
}

// Makes g of the products: those of two different heads count twice.
static void double_unequal_heads(std::size_t heads, double* products) noexcept {
  for (std::size_t h = 0; h < heads; ++h) {
    double* const row = products + pair_place(heads, h, h) * head_tokens;
    for (std::size_t j = head_tokens; j < (heads - h) * head_tokens; ++j) row[j] *= 2;
  }
}

// Writes |sum_h a_h c_h|^2, or 0 where rounding makes it negative, divided by the token's size. The
// weights of head h are head_tokens numbers at weights + h * weight_pitch. `room` is for
// heads * head_tokens numbers.
template <class T>
static void energies_by_size(const T* weights, std::size_t weight_pitch, std::size_t heads,
                             const double* g, const double* sizes, double* room,
                             float* energies) noexcept {
  typedef float narrow __attribute__((vector_size(lanes<double> * sizeof(float))));
  constexpr std::size_t width = 4;  // vectors of tokens
  static_assert(head_tokens % (width * lanes<double>) == 0);
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t j = 0; j < head_tokens; j += lanes<double>)
      store<double>(room + h * head_tokens + j, as_doubles(weights + h * weight_pitch + j));
  for (std::size_t j = 0; j < head_tokens; j += width * lanes<double>) {
    vec<double> energy[width] = {};
    const double* pair = g + j;
    for (std::size_t h = 0; h < heads; ++h) {
      vec<double> sums[width] = {};
      for (std::size_t k = h; k < heads; ++k, pair += head_tokens) {
        TAMP_SIMD_UNROLL
        for (std::size_t w = 0; w < width; ++w)
          sums[w] +=
              load(pair + w * lanes<double>) * load(room + k * head_tokens + j + w * lanes<double>);
      }
      TAMP_SIMD_UNROLL
      for (std::size_t w = 0; w < width; ++w)
        energy[w] += load(room + h * head_tokens + j + w * lanes<double>) * sums[w];
    }
    TAMP_SIMD_UNROLL
    for (std::size_t w = 0; w < width; ++w) {
      const vec<double> e = energy[w] < vec<double>{} ? vec<double>{} : energy[w];
      const narrow gain = __builtin_convertvector(e / load(sizes + j + w * lanes<double>), narrow);
      std::memcpy(energies + j + w * lanes<double>, &gain, sizeof gain);
    }
  }
}
