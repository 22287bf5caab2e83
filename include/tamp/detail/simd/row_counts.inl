// What whole tensors are judged by: counts over a row of scores, and the few that are in question.

// How many numbers are below from[0] and from[1], and at most to[0] and to[1].
template <class T>
static bracket_counts count_brackets(const T* numbers, std::size_t count, const T (&from)[2],
                                     const T (&to)[2]) noexcept {
  using counter = std::make_signed_t<bits_of_number<T>>;
  const vec<T> low[2] = {all(from[0]), all(from[1])}, high[2] = {all(to[0]), all(to[1])};
  vec<counter> below[2] = {}, up_to[2] = {};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>) {
    const vec<T> v = load(numbers + j);
    below[0] -= v < low[0];
    below[1] -= v < low[1];
    up_to[0] -= v <= high[0];
    up_to[1] -= v <= high[1];
  }
  bracket_counts counts;
  for (std::size_t b = 0; b < 2; ++b) {
    counts.below[b] = static_cast<std::size_t>(sum_of_lanes(below[b]));
    counts.up_to[b] = static_cast<std::size_t>(sum_of_lanes(up_to[b]));
    for (std::size_t j = whole; j < count; ++j) {
      counts.below[b] += numbers[j] < from[b];
      counts.up_to[b] += numbers[j] <= to[b];
    }
  }
  return counts;
}

// Like gather_within, with the columns of what is gathered; `columns` has as much room.
template <class T>
static std::size_t gather_columns_within(const T* numbers, std::size_t count, T from, T to,
                                         T* within, bits_of_number<T>* columns) noexcept {
  constexpr std::size_t block = 64;
  vec<std::make_signed_t<bits_of_number<T>>> under{};
  std::size_t found = 0;
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block)
    found += gather_block<true, T>(numbers + j, all(from), all(to), under, within + found, j,
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
