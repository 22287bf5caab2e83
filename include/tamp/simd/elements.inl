// Conversion of elements to their compute type, and approximate sums.

template <class T>
static vec<bits_of_number<T>> load_bits(const T* from) noexcept {
  vec<bits_of_number<T>> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// Returns an approximate sum. Floats are summed in float, in an order that depends on the length of
// a vector.
template <class T>
static T sum_of(const T* numbers, std::size_t count) noexcept {
  constexpr std::size_t step = 4 * lanes<T>;
  vec<T> sums[4] = {};
  const std::size_t whole = count / step * step;
  for (std::size_t j = 0; j < whole; j += step) {
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < 4; ++k) sums[k] += load(numbers + j + k * lanes<T>);
  }
  T sum = sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (std::size_t j = whole; j < count; ++j) sum += numbers[j];
  return sum;
}

// Prefetches some elements two pages ahead, since the hardware prefetcher stops at the end of a
// page.
template <std::size_t Count, class Element>
static void fetch_ahead(const Element* elements) noexcept {
  constexpr std::size_t ahead = 2 * 4096;
  fetch_lines<Count * sizeof(Element)>(reinterpret_cast<const std::byte*>(elements) + ahead);
}

// Returns a few elements in their compute type: in place, or converted into `room`, which stays in
// registers if it takes no more than a few vectors.
template <std::size_t Few, class Element>
static const compute_type<Element>* load_few(const Element* elements,
                                             compute_type<Element>* room) noexcept {
  if constexpr (std::is_same_v<Element, compute_type<Element>>) {
    return elements;
  } else if constexpr (has_bits_of<Element, f16>) {
    load_halves<Few>(reinterpret_cast<const std::byte*>(elements), room);
    return room;
  } else if constexpr (has_bits_of<Element, bf16> && has_load_bfloats<Few>) {
    load_bfloats<Few>(reinterpret_cast<const std::byte*>(elements), room);
    return room;
  } else {
    for (std::size_t k = 0; k < Few; ++k) room[k] = element_traits<Element>::load(elements[k]);
    return room;
  }
}

// Converts a row to its compute type.
template <class Element>
static void convert_row(const Element* elements, std::size_t count,
                        compute_type<Element>* numbers) noexcept {
  constexpr std::size_t block = 64;
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    fetch_ahead<block>(elements + j);
    load_few<block>(elements + j, numbers + j);
  }
  for (std::size_t j = whole; j < count; ++j)
    numbers[j] = element_traits<Element>::load(elements[j]);
}

// Loads as many numbers as a vector has doubles.
static vec<double> as_doubles(const double* numbers) noexcept { return load(numbers); }
static vec<double> as_doubles(const float* numbers) noexcept { return widen(numbers); }
