// Sums in double.
//
// The sum of a row has sixteen accumulators: the j-th number goes into accumulator j mod 16, and
// these are then added in pairs. The bits are the same for any length of vector. In a sum over
// rows, every column has an accumulator of its own and adds in the order of the rows.

static vec<double> absolute(vec<double> v) noexcept {
  return (vec<double>)((vec<std::uint64_t>)v & 0x7fffffffffffffffu);
}

static constexpr std::size_t sums_of_row = 16, row_vectors = sums_of_row / lanes<double>;

static double sum_of_sixteen(const vec<double>* sums, const double* rest,
                             std::size_t rest_size) noexcept {
  double lane[sums_of_row];
  std::memcpy(lane, sums, sizeof lane);
  for (std::size_t k = 0; k < rest_size; ++k) lane[k] += rest[k];
  for (std::size_t half = sums_of_row / 2; half != 0; half /= 2)
    for (std::size_t k = 0; k < half; ++k) lane[k] += lane[k + half];
  return lane[0];
}

// Returns the sum of a row.
template <class T>
static double sum_in_double(const T* numbers, std::size_t count) noexcept {
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k)
      sums[k] += as_doubles(numbers + j + k * lanes<double>);
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j) rest[j - whole] = static_cast<double>(numbers[j]);
  return sum_of_sixteen(sums, rest, count - whole);
}

// Returns the sum of a row's absolute values, and adds each to its column's sum.
template <class Element>
static double add_absolute(const Element* elements, std::size_t count,
                           double* column_sums) noexcept {
  using real = compute_type<Element>;
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    fetch_ahead<sums_of_row>(elements + j);
    real room[sums_of_row];
    const real* const part = load_few<sums_of_row>(elements + j, room);
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      double* const column = column_sums + j + k * lanes<double>;
      const vec<double> v = absolute(as_doubles(part + k * lanes<double>));
      sums[k] += v;
      store<double>(column, load(column) + v);
    }
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j) {
    rest[j - whole] = std::abs(static_cast<double>(element_traits<Element>::load(elements[j])));
    column_sums[j] += rest[j - whole];
  }
  return sum_of_sixteen(sums, rest, count - whole);
}

// Adds the squares of some rows, `stride` elements apart, to the sums of their columns. A few rows
// are read side by side, for the memory's bandwidth, while the sums of 64 columns stay in the
// first-level cache.
template <class Element>
static void add_squares(const Element* first, std::ptrdiff_t stride, std::size_t rows,
                        std::size_t cols, double* sums) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64, side_by_side = 8;
  const std::size_t whole = cols / block * block;
  for (std::size_t top = 0; top < rows; top += side_by_side) {
    const std::size_t bottom = (std::min)(top + side_by_side, rows);
    for (std::size_t j = 0; j < whole; j += block)
      for (std::size_t i = top; i < bottom; ++i) {
        alignas(64) real room[block];
        const real* const part =
            load_few<block>(first + static_cast<std::ptrdiff_t>(i) * stride + j, room);
        TAMP_SIMD_UNROLL
        for (std::size_t k = 0; k < block; k += lanes<double>) {
          const vec<double> v = as_doubles(part + k);
          store<double>(sums + j + k, load(sums + j + k) + v * v);
        }
      }
    for (std::size_t i = top; i < bottom; ++i)
      for (std::size_t j = whole; j < cols; ++j) {
        const Element element =
            first[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(j)];
        const auto v = static_cast<double>(element_traits<Element>::load(element));
        sums[j] += v * v;
      }
  }
}

// The same with a weight of each row. A row of weight 0 is not read. With weights of 1 and 0 the
// sums have the bits of add_squares on the rows of weight 1.
template <class Element>
static void add_weighted_squares(const Element* first, std::ptrdiff_t stride, std::size_t rows,
                                 std::size_t cols, const double* weights, double* sums) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64, side_by_side = 8;
  const std::size_t whole = cols / block * block;
  for (std::size_t top = 0; top < rows;) {
    const Element* row[side_by_side];
    double weight[side_by_side];
    std::size_t count = 0;
    for (; top < rows && count < side_by_side; ++top) {
      row[count] = first + static_cast<std::ptrdiff_t>(top) * stride;
      weight[count] = weights[top];
      if (weights[top] != 0) ++count;
    }
    for (std::size_t j = 0; j < whole; j += block)
      for (std::size_t i = 0; i < count; ++i) {
        alignas(64) real room[block];
        const real* const part = load_few<block>(row[i] + j, room);
        const vec<double> w = all(weight[i]);
        TAMP_SIMD_UNROLL
        for (std::size_t k = 0; k < block; k += lanes<double>) {
          const vec<double> v = as_doubles(part + k);
          store<double>(sums + j + k, load(sums + j + k) + as_rounded<double>(v * w) * v);
        }
      }
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = whole; j < cols; ++j) {
        const auto v = static_cast<double>(element_traits<Element>::load(row[i][j]));
        sums[j] += as_rounded<double>(all(v * weight[i]))[0] * v;
      }
  }
}
