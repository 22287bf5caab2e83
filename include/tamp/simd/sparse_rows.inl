// Products of rows of weights with activations, at the speed of reading the weights.
//
// A sparse row is one bit for each column and its kept weights, one after the other. The loops
// serve few tokens and many in different ways.
//
// Few tokens: the kept weights are expanded in registers. Each moves to the lane of its column, and
// the other lanes become zero. They are then multiplied by the activations of all tokens. Weights
// are read once, in order, and prefetched. Every sum has four vectors of accumulators, which take
// turns. Its order depends neither on the number of tokens or rows at a time nor on what is
// dropped.
//
// One token: two rows at a time share the loads of activations, and one goes on while the other
// waits for the places of its weights. That pays for rows that keep little, which are bound by
// instructions. Those that keep much are bound by memory, which gives two streams of weights slower
// than one (most_paired_bytes).
//
// Many tokens: the activations of a column lie side by side, a vector of tokens after the other.
// Each kept weight is multiplied by those of its column, and dropped weights cost nothing.
//
// expand_*.inl has what differs between the sets of instructions: how many columns are expanded at
// once (strip), how their weights become floats, and in which order columns are expanded
// (interleaved).

// Keeps a vector that several instructions use in a register. The compiler would load it for each.
template <class Vector>
[[gnu::always_inline]] static inline void keep_in_register([[maybe_unused]] Vector& v) noexcept {
#if TAMP_SIMD_X86
  __asm__("" : "+x"(v));
#endif
}

// Copies the activations of a token in the order in which weights of type Value are expanded.
// Columns up to a multiple of 64 become zero.
template <class Value>
static void arrange_row(const float* row, std::size_t cols, float* arranged) noexcept {
  constexpr std::size_t group = interleaved<Value>.group, ways = interleaved<Value>.ways;
  const std::size_t end = (cols + mask::word_bits - 1) / mask::word_bits * mask::word_bits;
  const std::size_t whole = cols / group * group;
  for (std::size_t j = 0; j < whole; j += group)
    for (std::size_t k = 0; k < group; ++k)
      arranged[j + k % ways * (group / ways) + k / ways] = row[j + k];
  std::fill(arranged + whole, arranged + end, 0.0f);
  for (std::size_t k = 0; k < cols - whole; ++k)
    arranged[whole + k % ways * (group / ways) + k / ways] = row[whole + k];
}

// Prefetches the cache lines of 64 weights into the second-level cache. They are far ahead: the
// first level has few places for lines that wait for memory, and the processor's own prefetcher
// does not follow a stream whose loads advance unevenly. The few bytes of their mask go into the
// first level, since all else waits for them.
template <class Value>
[[gnu::always_inline]] static inline void fetch_ahead(const std::byte* bits,
                                                      const Value* values) noexcept {
  constexpr std::size_t ahead = 16384, ahead_bits = 2048, line = 64;
  constexpr int into_second_level = 2, into_first_level = 3;
  __builtin_prefetch(bits + ahead_bits, 0, into_first_level);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < mask::word_bits * sizeof(Value); k += line)
    __builtin_prefetch(reinterpret_cast<const std::byte*>(values) + ahead + k, 0,
                       into_second_level);
}

// The bits of the last columns of a row, fewer than a word. In a file, bits past the last column
// may have any value.
static mask::word last_word(const std::byte* bits, std::size_t columns) noexcept {
  mask::word word = 0;
  std::memcpy(&word, bits, (columns + 7) / 8);
  return word & ~mask::word{0} >> (mask::word_bits - columns);
}

// Returns the sum of all lanes: the upper half is added to the lower one until a lane is left. It
// takes fewer instructions than one lane after another, which matters for short rows.
template <class Vector, std::size_t... Lane>
static auto sum_of_halves(Vector v, std::index_sequence<Lane...>) noexcept {
#if defined(__CUDACC__)  // see transpose.inl
  typedef float half __attribute__((vector_size(sizeof(Vector) / 2)));
  return half{v[Lane]...} + half{v[Lane + sizeof...(Lane)]...};
#else
  return __builtin_shufflevector(v, v, static_cast<int>(Lane)...) +
         __builtin_shufflevector(v, v, static_cast<int>(Lane + sizeof...(Lane))...);
#endif
}
template <class Vector>
static float sum_by_halves(Vector v) noexcept {
  constexpr std::size_t half = sizeof v / sizeof v[0] / 2;
  if constexpr (half == 2)
    return (v[0] + v[2]) + (v[1] + v[3]);
  else
    return sum_by_halves(sum_of_halves(v, std::make_index_sequence<half>()));
}

// The sums of some rows for some tokens.
template <std::size_t Rows, std::size_t Tokens>
struct product_sums {
  vec<float> of[Rows][Tokens][4] = {};

  // Adds the products of 64 columns. load_strip(r, k, weights) must load strip k of row r. The
  // arranged activations of tokens are `pitch` numbers apart.
  template <class Load>
  [[gnu::always_inline]] inline void add_word(const Load& load_strip, const float* x,
                                              std::size_t pitch) noexcept {
    constexpr std::size_t pieces = strip / lanes<float>;
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < mask::word_bits / strip; ++k) {
      vec<float> weights[Rows][pieces];
      TAMP_SIMD_UNROLL
      for (std::size_t r = 0; r < Rows; ++r) load_strip(r, k, weights[r]);
      TAMP_SIMD_UNROLL
      for (std::size_t t = 0; t < Tokens; ++t) {
        TAMP_SIMD_UNROLL
        for (std::size_t p = 0; p < pieces; ++p) {
          auto activations = load(x + t * pitch + k * strip + p * lanes<float>);
          if constexpr (Rows > 1) keep_in_register(activations);
          TAMP_SIMD_UNROLL
          for (std::size_t r = 0; r < Rows; ++r) {
            vec<float>& sum = of[r][t][(k * pieces + p) % 4];
            sum = multiply_add<float>(weights[r][p], activations, sum);
          }
        }
      }
    }
  }

  void store_to(float* y, std::size_t y_pitch) const noexcept {
    TAMP_SIMD_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) {
      TAMP_SIMD_UNROLL
      for (std::size_t t = 0; t < Tokens; ++t) {
        const vec<float>* const sum = of[r][t];
        y[t * y_pitch + r] = sum_by_halves((sum[0] + sum[1]) + (sum[2] + sum[3]));
      }
    }
  }
};

// Writes the product of row r with the arranged activations of token t, for `Tokens` tokens, to
// y[t * y_pitch + r]. Up to room_past_values bytes past the kept weights of a row are read. A
// function of its own has all registers: within a caller compiled for the same processor, the loop
// would keep its addresses on the stack.
template <std::size_t Tokens, class Value, std::size_t Rows>
[[gnu::noinline]] static void multiply_rows(const std::array<sparse_row<Value>, Rows>& rows,
                                            std::size_t cols, const float* x, std::size_t pitch,
                                            float* y, std::size_t y_pitch) noexcept {
  product_sums<Rows, Tokens> sums;
  const Value* values[Rows];  // the next kept weights
  for (std::size_t r = 0; r < Rows; ++r) values[r] = rows[r].values;
  const auto add = [&](const std::byte* const* words, [[maybe_unused]] const f16* const* scales,
                       std::size_t j) __attribute__((always_inline)) {
    sums.add_word(
        [&](std::size_t r, std::size_t k, vec<float>* weights) __attribute__((always_inline)) {
          expand_strip(words[r], k * strip, values[r], weights);
          if constexpr (is_scaled<Value>) scale_strip(scales[r], k * strip, weights);
        },
        x + j, pitch);
  };
  const std::byte* words[Rows];
  const f16* scales[Rows];
  const std::size_t whole = cols / mask::word_bits * mask::word_bits;
  for (std::size_t j = 0; j < whole; j += mask::word_bits) {
    TAMP_SIMD_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) {
      fetch_ahead(rows[r].bits + j / 8, values[r]);
      words[r] = rows[r].bits + j / 8;
      if constexpr (is_scaled<Value>) scales[r] = rows[r].scales + j / scaled_columns;
    }
    add(words, scales, j);
  }
  if (whole != cols) {
    mask::word last[Rows];
    f16 last_scales[Rows][mask::word_bits / scaled_columns] = {};
    for (std::size_t r = 0; r < Rows; ++r) {
      last[r] = last_word(rows[r].bits + whole / 8, cols - whole);
      words[r] = reinterpret_cast<const std::byte*>(&last[r]);
      if constexpr (is_scaled<Value>)
        std::copy(rows[r].scales + whole / scaled_columns,
                  rows[r].scales + (cols + scaled_columns - 1) / scaled_columns, last_scales[r]);
      scales[r] = last_scales[r];
    }
    add(words, scales, whole);
  }
  sums.store_to(y, y_pitch);
}

// The same for rows whose weights are all stored. They need no prefetches.
template <std::size_t Tokens, class Value, std::size_t Rows>
[[gnu::noinline]] static void multiply_rows(const std::array<dense_row<Value>, Rows>& rows,
                                            std::size_t cols, const float* x, std::size_t pitch,
                                            float* y, std::size_t y_pitch) noexcept {
  product_sums<Rows, Tokens> sums;
  const auto add = [&](const Value* const* from, std::size_t j) __attribute__((always_inline)) {
    sums.add_word([&](std::size_t r, std::size_t k, vec<float>* weights)
                      __attribute__((always_inline)) { widen_strip(from[r] + k * strip, weights); },
                  x + j, pitch);
  };
  const Value* from[Rows];
  const std::size_t whole = cols / mask::word_bits * mask::word_bits;
  for (std::size_t j = 0; j < whole; j += mask::word_bits) {
    TAMP_SIMD_UNROLL
    for (std::size_t r = 0; r < Rows; ++r) from[r] = rows[r].values + j;
    add(from, j);
  }
  if (whole != cols) {
    Value last[Rows][mask::word_bits] = {};
    for (std::size_t r = 0; r < Rows; ++r) {
      std::memcpy(static_cast<void*>(last[r]), rows[r].values + whole,
                  (cols - whole) * sizeof(Value));
      from[r] = last[r];
    }
    add(from, whole);
  }
  sums.store_to(y, y_pitch);
}

// Writes the kept weights of 64 columns or fewer as floats. `kept` needs room for 64, and up to
// room_past_values bytes past the kept weights are read.
template <class Value>
static void widen_kept(mask::word word, const Value* values, [[maybe_unused]] const f16* scales,
                       float* kept) noexcept {
  const auto count = static_cast<std::size_t>(std::popcount(word));
  for (std::size_t k = 0; k < count; k += lanes<float>) store(kept + k, widen(values + k));
  if constexpr (is_scaled<Value>) {
    std::size_t k = 0;
    for (; word != 0; word >>= scaled_columns, ++scales) {
      const auto part = word & ~mask::word{0} >> (mask::word_bits - scaled_columns);
      const std::size_t end = k + static_cast<std::size_t>(std::popcount(part));
      const float scale{*scales};
      for (; k < end; ++k) kept[k] *= scale;
    }
  }
}

// Adds the products of weights with the activations of as many tokens as `Vectors` vectors have
// lanes to their sums. Two sums of each token take turns.
template <std::size_t Vectors, class Next>
[[gnu::always_inline]] static inline void add_weights(std::size_t count, const float* weights,
                                                      const Next& next_column, const float* columns,
                                                      float* sums) noexcept {
  constexpr std::size_t pitch = Vectors * lanes<float>;
  vec<float> part[2][Vectors];
  TAMP_SIMD_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) {
    part[0][v] = load(sums + v * lanes<float>);
    part[1][v] = vec<float>{};
  }
  const auto add = [&](std::size_t k, vec<float>* into) __attribute__((always_inline)) {
    const vec<float> weight = all(weights[k]);
    const float* const column = columns + next_column() * pitch;
    TAMP_SIMD_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
      into[v] = multiply_add<float>(weight, load(column + v * lanes<float>), into[v]);
  };
  const std::size_t even = count / 2 * 2;
  for (std::size_t k = 0; k < even; k += 2) {
    add(k, part[0]);
    add(k + 1, part[1]);
  }
  if (even != count) add(even, part[0]);
  TAMP_SIMD_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v)
    store<float>(sums + v * lanes<float>, part[0][v] + part[1][v]);
}

// Adds the products of 64 columns or fewer. `word` chooses them, and `kept` has their weights.
template <std::size_t Vectors>
static void add_kept(mask::word word, const float* kept, const float* columns,
                     float* sums) noexcept {
  const auto next_column = [&]() __attribute__((always_inline)) {
    const auto column = static_cast<std::size_t>(std::countr_zero(word));
    word &= word - 1;
    return column;
  };
  add_weights<Vectors>(static_cast<std::size_t>(std::popcount(word)), kept, next_column, columns,
                       sums);
}

// Adds the products of neighbouring columns.
template <std::size_t Vectors>
static void add_all(std::size_t count, const float* weights, const float* columns,
                    float* sums) noexcept {
  std::size_t column = 0;
  add_weights<Vectors>(
      count, weights, [&]() __attribute__((always_inline)) { return column++; }, columns, sums);
}
