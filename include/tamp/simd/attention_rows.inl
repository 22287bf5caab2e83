// Loops over rows of attention, which token policies check, add up and compare.

// Returns true if all numbers are finite and not negative.
template <class T>
static bool are_attention(const T* row, std::size_t count) noexcept {
  // The check reads the bits, about which -ffast-math assumes nothing. -0 is the only number with a
  // sign that is allowed: its bits less one have no sign.
  using bits = bits_of_number<T>;
  constexpr bits sign = bits{1} << (sizeof(T) * 8 - 1);
  const std::size_t whole = count / lanes<T> * lanes<T>;
  vec<bits> broken{};
  for (std::size_t j = 0; j < whole; j += lanes<T>) {
    const vec<bits> v = load_bits(row + j);
    broken |= not_finite<T>(v) | (v & (v - 1));
  }
  bool is_broken = has_sign<bits>(broken);
  for (std::size_t j = whole; j < count; ++j) {
    const auto v = std::bit_cast<bits>(row[j]);
    is_broken |= !is_finite(row[j]) || (v & (v - 1) & sign) != 0;
  }
  return !is_broken;
}

// Returns true if some number is not 0. -0 is 0.
template <class T>
static bool any_nonzero(const T* row, std::size_t count) noexcept {
  using bits = bits_of_number<T>;
  const std::size_t whole = count / lanes<T> * lanes<T>;
  vec<bits> any{};
  for (std::size_t j = 0; j < whole; j += lanes<T>) any |= load_bits(row + j);
  bits seen = 0;
  for (std::size_t k = 0; k < lanes<T>; ++k) seen |= any[k];
  for (std::size_t j = whole; j < count; ++j) seen |= std::bit_cast<bits>(row[j]);
  return (seen & ~(bits{1} << (sizeof(T) * 8 - 1))) != 0;
}

// Returns the place of the first number that is not 0, or `count`.
template <class T>
static std::size_t first_nonzero(const T* row, std::size_t count) noexcept {
  constexpr std::size_t step = 4 * lanes<T>;
  std::size_t j = 0;
  while (j + step <= count && !any_nonzero(row + j, step)) j += step;
  while (j < count && !any_nonzero(row + j, 1)) ++j;
  return j;
}

// Returns one more than the place of the last number that is not 0, or 0.
template <class T>
static std::size_t past_last_nonzero(const T* row, std::size_t count) noexcept {
  constexpr std::size_t step = 4 * lanes<T>;
  std::size_t j = count;
  while (j >= step && !any_nonzero(row + j - step, step)) j -= step;
  while (j > 0 && !any_nonzero(row + j - 1, 1)) --j;
  return j;
}

// Adds a row to sums in double.
static void add_row(const float* row, std::size_t count, double* sums) noexcept {
  const std::size_t whole = count / lanes<double> * lanes<double>;
  for (std::size_t j = 0; j < whole; j += lanes<double>)
    store<double>(sums + j, load(sums + j) + as_doubles(row + j));
  for (std::size_t j = whole; j < count; ++j) sums[j] += static_cast<double>(row[j]);
}

// Replaces each number of `highest` by the maximum of itself and the row's.
static void take_maximum(const float* row, std::size_t count, float* highest) noexcept {
  const std::size_t whole = count / lanes<float> * lanes<float>;
  for (std::size_t j = 0; j < whole; j += lanes<float>) {
    const vec<float> mine = load(highest + j), other = load(row + j);
    store<float>(highest + j, mine < other ? other : mine);
  }
  for (std::size_t j = whole; j < count; ++j) highest[j] = (std::max)(highest[j], row[j]);
}
