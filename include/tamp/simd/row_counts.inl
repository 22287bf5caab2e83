// Counts over a row of scores, and the few scores in question, for selection over whole tensors.

// Returns, for each of some limits, how many numbers are below it.
template <class T, std::size_t Limits>
static std::array<std::size_t, Limits> counts_below(const T* numbers, std::size_t count,
                                                    const std::array<T, Limits>& limits) noexcept {
  vec<std::make_signed_t<bits_of_number<T>>> below[Limits] = {};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>) {
    const vec<T> v = load(numbers + j);
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < Limits; ++k) count_below<T>(v, all(limits[k]), below[k]);
  }
  std::array<std::size_t, Limits> counts;
  for (std::size_t k = 0; k < Limits; ++k) {
    counts[k] = static_cast<std::size_t>(sum_of_lanes(below[k]));
    for (std::size_t j = whole; j < count; ++j) counts[k] += numbers[j] < limits[k];
  }
  return counts;
}

// Gathers like gather_within, together with the columns. `columns` needs as much room as `within`.
template <class T>
static std::size_t gather_columns_within(const T* numbers, std::size_t count, T from, T to,
                                         T* within, bits_of_number<T>* columns) noexcept {
  constexpr std::size_t block = 64;
  vec<std::make_signed_t<bits_of_number<T>>> under{};
  std::size_t found = 0;
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block)
    found += gather_block<block, true, T>(numbers + j, all(from), all(to), under, within + found, j,
                                          columns + found);
  for (std::size_t j = whole; j < count; ++j)
    if (!(numbers[j] < from) && numbers[j] <= to) {
      columns[found] = static_cast<bits_of_number<T>>(j);
      within[found++] = numbers[j];
    }
  return found;
}

template <class T>
static std::size_t count_equal(const T* numbers, std::size_t count, T number) noexcept {
  const vec<T> wanted = all(number);
  vec<std::make_signed_t<bits_of_number<T>>> equal{};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>) equal -= load(numbers + j) == wanted;
  auto found = static_cast<std::size_t>(sum_of_lanes(equal));
  for (std::size_t j = whole; j < count; ++j) found += numbers[j] == number;
  return found;
}
