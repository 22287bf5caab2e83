// Checks of the bits of a row's numbers.

// Returns lanes whose uppermost bit is set where a number is not finite: one added to an exponent
// of all ones overflows into it. The other bits have no meaning.
template <class T>
static vec<bits_of_number<T>> not_finite(vec<bits_of_number<T>> number) noexcept {
  using bits = bits_of_number<T>;
  constexpr bits sign = bits{1} << (sizeof(T) * 8 - 1);
  constexpr bits one = bits{1} << (std::numeric_limits<T>::digits - 1);
  return (number & all<bits>(~sign)) + all<bits>(one);
}
// The same where a number is NaN, whose bits are above those of infinity.
template <class T>
static vec<bits_of_number<T>> not_a_number(vec<bits_of_number<T>> number) noexcept {
  using bits = bits_of_number<T>;
  constexpr bits sign = bits{1} << (sizeof(T) * 8 - 1);
  return all<bits>(std::bit_cast<bits>(infinity<T>)) - (number & all<bits>(~sign));
}
template <class T>
static bool has_sign(vec<T> numbers) noexcept {
  T any = 0;
  for (std::size_t k = 0; k < lanes<T>; ++k) any |= numbers[k];
  return any >> (sizeof(T) * 8 - 1) != 0;
}

// Returns true if all elements of a row are finite.
template <class Element>
static bool row_is_finite(const Element* elements, std::size_t count) noexcept {
  using real = compute_type<Element>;
  constexpr std::size_t block = 64;
  constexpr std::size_t few = 2 * lanes<real>;
  vec<bits_of_number<real>> broken[2] = {};
  const std::size_t whole = count / block * block;
  for (std::size_t j = 0; j < whole; j += block) {
    TAMP_SIMD_UNROLL
    for (std::size_t b = 0; b < block; b += few) {
      real room[few];
      const real* const part = load_few<few>(elements + j + b, room);
      TAMP_SIMD_UNROLL
      for (std::size_t k = 0; k < few; k += lanes<real>)
        broken[k / lanes<real>] |= not_finite<real>(load_bits(part + k));
    }
  }
  bool is_usable = !has_sign<bits_of_number<real>>(broken[0] | broken[1]);
  for (std::size_t j = whole; j < count; ++j)
    is_usable &= is_finite(element_traits<Element>::load(elements[j]));
  return is_usable;
}

// Returns true if no number is NaN.
template <class T>
static bool are_numbers(const T* numbers, std::size_t count) noexcept {
  vec<bits_of_number<T>> broken{};
  const std::size_t whole = count / lanes<T> * lanes<T>;
  for (std::size_t j = 0; j < whole; j += lanes<T>)
    broken |= not_a_number<T>(load_bits(numbers + j));
  bool is_usable = !has_sign<bits_of_number<T>>(broken);
  for (std::size_t j = whole; j < count; ++j) is_usable &= !is_nan(numbers[j]);
  return is_usable;
}
