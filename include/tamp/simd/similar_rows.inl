// Sums in double over rows of similarities. See similar_rows.hpp and row_sums.inl.

// Returns the dot product of two rows.
template <class T>
static double dot(const T* a, const T* b, std::size_t count) noexcept {
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k)
      sums[k] += as_doubles(a + j + k * lanes<double>) * as_doubles(b + j + k * lanes<double>);
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j)
    rest[j - whole] = static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return sum_of_sixteen(sums, rest, count - whole);
}

// Returns the dot products of a row with itself and with another row. Each is that of `dot`.
template <class T>
static square_and_product own_and_common(const T* a, const T* b, std::size_t count) noexcept {
  vec<double> squares[row_vectors] = {}, sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    fetch_ahead<sums_of_row>(a + j);
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const vec<double> v = as_doubles(a + j + k * lanes<double>);
      squares[k] += v * v;
      sums[k] += v * as_doubles(b + j + k * lanes<double>);
    }
  }
  double rest_of_squares[sums_of_row] = {}, rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j) {
    rest_of_squares[j - whole] = static_cast<double>(a[j]) * static_cast<double>(a[j]);
    rest[j - whole] = static_cast<double>(a[j]) * static_cast<double>(b[j]);
  }
  return {sum_of_sixteen(squares, rest_of_squares, count - whole),
          sum_of_sixteen(sums, rest, count - whole)};
}

// Makes dot products with one row into cosines, given the factors to unit length: products[j] times
// (scale[j] own). A number within 2^-50 of 1 or -1 becomes 1 or -1.
static void make_cosines(double* products, const double* scale, std::size_t count,
                         double own) noexcept {
  using integers = vec<std::uint64_t>;
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  const auto cosines = [&](vec<double> product, vec<double> factor) {
    const vec<double> cosine = product * (factor * own);
    const vec<double> unit = (vec<double>)(((integers)cosine & sign) | (integers)all(1.0));
    return absolute(absolute(cosine) - 1.0) <= all(0x1p-50) ? unit : cosine;
  };
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>)
    store<double>(products + j, cosines(load(products + j), load(scale + j)));
  for (std::size_t j = whole; j < count; ++j)
    products[j] = cosines(all(products[j]), all(scale[j]))[0];
}

// Raises each number to that of another row, if that is larger.
static void raise_to(const double* other, std::size_t count, double* numbers) noexcept {
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>) {
    const vec<double> a = load(numbers + j), b = load(other + j);
    store<double>(numbers + j, b > a ? b : a);
  }
  for (std::size_t j = whole; j < count; ++j)
    if (other[j] > numbers[j]) numbers[j] = other[j];
}

// Returns the largest of some numbers, or the lowest number if there are none.
static double largest(const double* numbers, std::size_t count) noexcept {
  double most = lowest_number;
  vec<double> found[2] = {all(lowest_number), all(lowest_number)};
  constexpr std::size_t step = 2 * lanes<double>;
  const std::size_t whole = count / step * step;
  for (std::size_t j = 0; j < whole; j += step)
    for (std::size_t k = 0; k < 2; ++k) {
      const vec<double> v = load(numbers + j + k * lanes<double>);
      found[k] = v > found[k] ? v : found[k];
    }
  for (const vec<double>& v : found)
    for (std::size_t k = 0; k < lanes<double>; ++k) most = (std::max)(most, v[k]);
  for (std::size_t j = whole; j < count; ++j) most = (std::max)(most, numbers[j]);
  return most;
}

// Returns the sum over j of max(0, numbers[j] - limits[j]). It does not grow where a limit grows.
static double sum_above(const double* numbers, const double* limits, std::size_t count) noexcept {
  const vec<double> zero{};
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const vec<double> v =
          load(numbers + j + k * lanes<double>) - load(limits + j + k * lanes<double>);
      sums[k] += v > zero ? v : zero;
    }
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j)
    if (numbers[j] > limits[j]) rest[j - whole] = numbers[j] - limits[j];
  return sum_of_sixteen(sums, rest, count - whole);
}

// Returns the squared distances of a row times a number from two points.
static two_distances distances_to(const float* row, std::size_t count, double factor,
                                  const double* one, const double* other) noexcept {
  vec<double> to_one[row_vectors] = {}, to_other[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const std::size_t at = j + k * lanes<double>;
      const vec<double> x = as_doubles(row + at) * factor;
      const vec<double> a = x - load(one + at), b = x - load(other + at);
      to_one[k] += a * a;
      to_other[k] += b * b;
    }
  }
  double rest_of_one[sums_of_row] = {}, rest_of_other[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j) {
    const double x = static_cast<double>(row[j]) * factor;
    rest_of_one[j - whole] = (x - one[j]) * (x - one[j]);
    rest_of_other[j - whole] = (x - other[j]) * (x - other[j]);
  }
  return {sum_of_sixteen(to_one, rest_of_one, count - whole),
          sum_of_sixteen(to_other, rest_of_other, count - whole)};
}

// Returns the largest absolute difference of two rows of finite numbers.
template <class T>
static double largest_difference(const T* a, const T* b, std::size_t count) noexcept {
  vec<double> most{};
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>) {
    const vec<double> v = absolute(as_doubles(a + j) - as_doubles(b + j));
    most = v > most ? v : most;
  }
  double largest = 0;
  for (std::size_t k = 0; k < lanes<double>; ++k) largest = (std::max)(largest, most[k]);
  for (std::size_t j = whole; j < count; ++j)
    largest = (std::max)(largest, std::abs(static_cast<double>(a[j]) - static_cast<double>(b[j])));
  return largest;
}

template <bool Squared>
static vec<double> size_of(vec<double> v) noexcept {
  if constexpr (Squared)
    return v * v;
  else
    return absolute(v);
}

// Returns the sum of the absolute differences of two rows, or of their squares.
template <bool Squared, class T>
static double sum_of_differences(const T* a, const T* b, std::size_t count) noexcept {
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k)
      sums[k] += size_of<Squared>(as_doubles(a + j + k * lanes<double>) -
                                  as_doubles(b + j + k * lanes<double>));
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j)
    rest[j - whole] =
        size_of<Squared>(all(static_cast<double>(a[j]) - static_cast<double>(b[j])))[0];
  return sum_of_sixteen(sums, rest, count - whole);
}

// Writes a row times a number. Each product is rounded once.
template <class T, class Out>
static void scale(const T* from, std::size_t count, double factor, Out* to) noexcept {
  typedef Out narrow __attribute__((vector_size(lanes<double> * sizeof(Out))));
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>) {
    const narrow v = __builtin_convertvector(as_doubles(from + j) * factor, narrow);
    std::memcpy(to + j, &v, sizeof v);
  }
  for (std::size_t j = whole; j < count; ++j)
    to[j] = static_cast<Out>(static_cast<double>(from[j]) * factor);
}

// Adds a row times a number to sums.
template <class T>
static void add_scaled(const T* from, std::size_t count, double factor, double* sums) noexcept {
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>)
    store<double>(sums + j, load(sums + j) + as_doubles(from + j) * factor);
  for (std::size_t j = whole; j < count; ++j) sums[j] += static_cast<double>(from[j]) * factor;
}

// Returns the sum and the count of the numbers above zero that are of the given kind.
template <class T>
static counted_sum sum_of_positive(const T* numbers, const std::uint64_t* kinds, std::uint64_t kind,
                                   std::size_t count) noexcept {
  using integers = vec<std::uint64_t>;
  const vec<double> zero{};
  vec<double> sums[row_vectors] = {};
  integers counts[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const vec<double> v = as_doubles(numbers + j + k * lanes<double>);
      const auto own = (integers)(load(kinds + j + k * lanes<double>) == all(kind));
      const integers counted = (integers)(v > zero) & own;
      sums[k] += (vec<double>)((integers)v & counted);
      counts[k] -= counted;
    }
  }
  double rest[sums_of_row] = {};
  std::uint64_t found = 0;
  for (std::size_t k = 0; k < row_vectors; ++k) found += sum_of_lanes(counts[k]);
  for (std::size_t j = whole; j < count; ++j)
    if (numbers[j] > 0 && kinds[j] == kind) {
      rest[j - whole] = static_cast<double>(numbers[j]);
      ++found;
    }
  return {sum_of_sixteen(sums, rest, count - whole), static_cast<double>(found)};
}

// Returns the sum of weight times number, and the sum of the weights, of the numbers above zero
// that are of the given kind. With weights of 1 these are the bits of sum_of_positive.
template <class T>
static counted_sum weighted_sum_of_positive(const T* numbers, const std::uint64_t* kinds,
                                            const double* weights, std::uint64_t kind,
                                            std::size_t count) noexcept {
  using integers = vec<std::uint64_t>;
  const vec<double> zero{};
  vec<double> sums[row_vectors] = {}, totals[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const vec<double> v = as_doubles(numbers + j + k * lanes<double>);
      const vec<double> w = load(weights + j + k * lanes<double>);
      const auto own = (integers)(load(kinds + j + k * lanes<double>) == all(kind));
      const integers counted = (integers)(v > zero) & own;
      sums[k] += (vec<double>)((integers)(v * w) & counted);
      totals[k] += (vec<double>)((integers)w & counted);
    }
  }
  double rest[sums_of_row] = {}, rest_of_total[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j)
    if (numbers[j] > 0 && kinds[j] == kind) {
      rest[j - whole] = static_cast<double>(numbers[j]) * weights[j];
      rest_of_total[j - whole] = weights[j];
    }
  return {sum_of_sixteen(sums, rest, count - whole),
          sum_of_sixteen(totals, rest_of_total, count - whole)};
}

// Returns e^x, accurate to 2e-10 with 8 terms and to a few units in the last place with 12. It is
// zero below -708 and infinite above 709.
//
// With x = n log 2 + rest, 2^n is made of the bits of n, which a sum with 1.5 * 2^52 has at its
// end, and e^rest is 1 + rest + rest^2 / 2! + ...
template <std::size_t Terms>
static vec<double> exponential(vec<double> x) noexcept {
  using integers = vec<std::uint64_t>;
  constexpr double to_integer = 0x1.8p52, log2_upper = 0x1.62e42fefap-1,
                   log2_lower = 0x1.cf79abc9e3b3ap-40, lowest = -708, highest = 709;
  const vec<double> shifted = as_rounded<double>(x * 0x1.71547652b82fep0 + to_integer);
  const vec<double> n = shifted - to_integer;
  const vec<double> rest = (x - n * log2_upper) - n * log2_lower;
  vec<double> power = all(one_by_factorial[Terms]);
  TAMP_SIMD_UNROLL
  for (std::size_t k = 1; k <= Terms; ++k) power = power * rest + one_by_factorial[Terms - k];
  const auto scaled = (vec<double>)((integers)power + ((integers)shifted << 52));
  const auto finite = x > all(highest) ? all(infinity<double>) : scaled;
  return x < all(lowest) ? vec<double>{} : finite;
}

// Returns the sum over j of e^(factor (own + others[j] - 2 products[j])). With a negative factor,
// these are Gaussian kernels of vectors with the given squared lengths and products.
template <class T>
static double sum_of_kernels(const T* products, const double* others, std::size_t count, double own,
                             double factor) noexcept {
  constexpr std::size_t terms = sizeof(T) == sizeof(double) ? 12 : 8;
  vec<double> sums[row_vectors] = {};
  const std::size_t whole = count / sums_of_row * sums_of_row;
  for (std::size_t j = 0; j < whole; j += sums_of_row) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < row_vectors; ++k) {
      const vec<double> twice = as_doubles(products + j + k * lanes<double>) * 2.0;
      sums[k] += exponential<terms>((load(others + j + k * lanes<double>) + own - twice) * factor);
    }
  }
  double rest[sums_of_row] = {};
  for (std::size_t j = whole; j < count; ++j) {
    const double squared = others[j] + own - 2.0 * static_cast<double>(products[j]);
    rest[j - whole] = exponential<terms>(all(squared * factor))[0];
  }
  return sum_of_sixteen(sums, rest, count - whole);
}

// Returns the first place from `begin` on of a number above the limit, or `count`.
template <class T>
static std::size_t next_above(const T* numbers, std::size_t begin, std::size_t count,
                              T limit) noexcept {
  std::size_t j = begin;
  for (; j + lanes<T> <= count; j += lanes<T>)
    if (const std::uint32_t bits = bits_below<T>(all(limit), load(numbers + j)); bits != 0)
      return j + static_cast<std::size_t>(std::countr_zero(bits));
  while (j < count && !(numbers[j] > limit)) ++j;
  return j;
}

// Returns the first place from `begin` on of a number with an absolute value below the limit, or
// `count`.
template <class T>
static std::size_t next_near_zero(const T* numbers, std::size_t begin, std::size_t count,
                                  T limit) noexcept {
  std::size_t j = begin;
  for (; j + lanes<T> <= count; j += lanes<T>) {
    const vec<T> v = load(numbers + j), size = v < -v ? -v : v;
    if (const std::uint32_t bits = bits_below<T>(size, all(limit)); bits != 0)
      return j + static_cast<std::size_t>(std::countr_zero(bits));
  }
  while (j < count && !(std::abs(numbers[j]) < limit)) ++j;
  return j;
}
