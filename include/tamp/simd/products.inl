// Sums of products of rows with rows, one tile at a time, with all accumulators in registers.
//
// Rows are packed in panels of as many rows as a vector has lanes. For each column, a panel has the
// numbers of its rows side by side. A tile is tile_rows rows by tile_panels panels. For each
// column, a vector of each panel is loaded once and multiplied by the number of each of the tile's
// rows, so that almost all instructions are multiply-adds. Each sum is made column by column, in
// order, for any length of vectors.

template <class T>
static constexpr std::size_t tile_cols = tile_panels * lanes<T>;

// Adds a tile's sums over `count` columns to `sums`, whose rows are `pitch` numbers apart. Panels
// are count * lanes numbers apart. `left` begins within a panel if a tile has fewer rows.
template <product_rounding Rounding, class T>
static void add_tile(const T* left, const T* right, std::size_t count, T* sums,
                     std::size_t pitch) noexcept {
  vec<T> part[tile_rows][tile_panels] = {};
  const std::size_t panel = count * lanes<T>;
  for (std::size_t k = 0; k < panel; k += lanes<T>) {
    vec<T> across[tile_panels];
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < tile_panels; ++p) across[p] = load(right + p * panel + k);
    TAMP_SIMD_UNROLL
    for (std::size_t i = 0; i < tile_rows; ++i) {
      const vec<T> number = all(left[i / lanes<T> * panel + k + i % lanes<T>]);
      // One row after another: clang would load all numbers first and run out of registers.
      __asm__ volatile("" ::: "memory");
      TAMP_SIMD_UNROLL
      for (std::size_t p = 0; p < tile_panels; ++p)
        if constexpr (Rounding == product_rounding::fused)
          part[i][p] = multiply_add<T>(number, across[p], part[i][p]);
        else
          part[i][p] = rounded_product<T>(number, across[p]) + part[i][p];
    }
  }
  TAMP_SIMD_UNROLL
  for (std::size_t i = 0; i < tile_rows; ++i) {
    T* const row = sums + i * pitch;
    TAMP_SIMD_UNROLL
    for (std::size_t p = 0; p < tile_panels; ++p)
      store<T>(row + p * lanes<T>, load(row + p * lanes<T>) + part[i][p]);
  }
}

// Adds the sums of a block of whole tiles. On the diagonal of a symmetric product, tiles that are
// wholly below it are left out.
template <product_rounding Rounding, class T>
static void add_block(const T* left, const T* right, std::size_t rows, std::size_t cols,
                      std::size_t count, bool is_diagonal, T* sums, std::size_t pitch) noexcept {
  static_assert(tile_cols<T> % tile_rows == 0);
  for (std::size_t j = 0; j < cols; j += tile_cols<T>) {
    const std::size_t end = is_diagonal ? (std::min)(rows, j + tile_cols<T>) : rows;
    for (std::size_t i = 0; i < end; i += tile_rows)
      add_tile<Rounding>(left + i / lanes<T> * lanes<T> * count + i % lanes<T>, right + j * count,
                         count, sums + i * pitch + j, pitch);
  }
}

// Adds a row times `factor` to another row.
template <class T>
static void add_multiple(const T* from, std::size_t count, T factor, T* to) noexcept {
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>)
    store<T>(to + j, multiply_add<T>(load(from + j), all(factor), load(to + j)));
  for (std::size_t j = whole; j < count; ++j) to[j] += from[j] * factor;
}

// Copies the transpose of a square of as many rows as a vector has lanes.
template <class T>
static void transpose(const T* from, std::size_t from_pitch, T* to, std::size_t to_pitch) noexcept {
  vec<T> square[lanes<T>];
  TAMP_SIMD_UNROLL
  for (std::size_t i = 0; i < lanes<T>; ++i) square[i] = load(from + i * from_pitch);
  transpose<T>(square);
  TAMP_SIMD_UNROLL
  for (std::size_t i = 0; i < lanes<T>; ++i) store<T>(to + i * to_pitch, square[i]);
}

// Packs the rows of a panel, which are `pitch` numbers apart.
template <class T>
static void pack_rows(const T* rows, std::size_t pitch, std::size_t count, T* panel) noexcept {
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t k = 0; k < whole; k += lanes<T>)
    transpose(rows + k, pitch, panel + k * lanes<T>, lanes<T>);
  for (std::size_t k = whole; k < count; ++k)
    for (std::size_t i = 0; i < lanes<T>; ++i) panel[k * lanes<T> + i] = rows[i * pitch + k];
}

// Packs some columns of all panels, which are panel_pitch numbers apart.
template <class T>
static void pack_columns(const T* columns, std::size_t pitch, std::size_t count, std::size_t panels,
                         T* to, std::size_t panel_pitch) noexcept {
  for (std::size_t p = 0; p < panels; ++p)
    for (std::size_t k = 0; k < count; ++k)
      store<T>(to + p * panel_pitch + k * lanes<T>, load(columns + k * pitch + p * lanes<T>));
}

// Copies the upper triangle of a square matrix to rows [begin, end) of the lower one. These must be
// at most a cache line of numbers, and begin at a multiple of one.
template <class T>
static void mirror_rows(T* matrix, std::size_t size, std::size_t begin, std::size_t end) noexcept {
  constexpr std::size_t line = 64 / sizeof(T);
  const std::size_t whole = end - begin == line ? begin : 0;
  for (std::size_t j = 0; j < whole; j += line)
    for (std::size_t row = begin; row < end; row += lanes<T>)
      for (std::size_t col = j; col < j + line; col += lanes<T>)
        transpose(matrix + col * size + row, size, matrix + row * size + col, size);
  for (std::size_t i = begin; i < end; ++i)
    for (std::size_t j = whole; j < i; ++j) matrix[i * size + j] = matrix[j * size + i];
}

// Solves L X = B in place for solved_columns columns of B. L is lower triangular and row-major. B
// is row-major without gaps.
static constexpr std::size_t solved_columns = 32;
static void solve_columns(const double* lower, std::size_t size, double* columns) noexcept {
  constexpr std::size_t width = 4;  // vectors of columns at a time
  static_assert(solved_columns % (width * lanes<double>) == 0);
  for (std::size_t j = 0; j < solved_columns; j += width * lanes<double>)
    for (std::size_t i = 0; i < size; ++i) {
      const double* const row = lower + i * size;
      vec<double> left[width];
      TAMP_SIMD_UNROLL
      for (std::size_t p = 0; p < width; ++p)
        left[p] = load(columns + i * solved_columns + j + p * lanes<double>);
      for (std::size_t k = 0; k < i; ++k) {
        const vec<double> factor = all(-row[k]);
        TAMP_SIMD_UNROLL
        for (std::size_t p = 0; p < width; ++p)
          left[p] = multiply_add<double>(
              factor, load(columns + k * solved_columns + j + p * lanes<double>), left[p]);
      }
      TAMP_SIMD_UNROLL
      for (std::size_t p = 0; p < width; ++p)
        store<double>(columns + i * solved_columns + j + p * lanes<double>, left[p] / row[i]);
    }
}
