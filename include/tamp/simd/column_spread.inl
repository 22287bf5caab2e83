// Sums of the differences of some rows from one row, and of their squares, column by column, in
// double. Every column is by itself and adds in the order of the rows.

// Adds `count` rows, at most rows_together, which is few enough for the processor to read ahead in
// all.
static constexpr std::size_t rows_together = 8;
static void add_differences(const float* const* rows, std::size_t count, const float* from,
                            std::size_t cols, double* sums, double* squares) noexcept {
  constexpr std::size_t block = 16, vectors = block / lanes<double>;
  const std::size_t whole = cols / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    vec<double> base[vectors], sum[vectors], square[vectors];
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < vectors; ++k) {
      base[k] = as_doubles(from + j + k * lanes<double>);
      sum[k] = load(sums + j + k * lanes<double>);
      square[k] = load(squares + j + k * lanes<double>);
    }
    for (std::size_t i = 0; i < count; ++i) {
      fetch_ahead<block>(rows[i] + j);
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < vectors; ++k) {
        const vec<double> v = as_doubles(rows[i] + j + k * lanes<double>) - base[k];
        sum[k] += v;
        square[k] += v * v;
      }
    }
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < vectors; ++k) {
      store<double>(sums + j + k * lanes<double>, sum[k]);
      store<double>(squares + j + k * lanes<double>, square[k]);
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = whole; j < cols; ++j) {
      const double difference = static_cast<double>(rows[i][j]) - static_cast<double>(from[j]);
      sums[j] += difference;
      squares[j] += difference * difference;
    }
}
