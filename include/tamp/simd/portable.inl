// Operations that have no operator, on vectors of any processor.

// Stores those of `Block` numbers, whole vectors and at most 64, that are within a bracket (see
// bits_within), one after the other. Returns their number.
template <std::size_t Block, class T, class Counts>
static std::size_t gather_block(const T* numbers, vec<T> from, vec<T> to, Counts& below,
                                T* within) noexcept {
  mask::word chosen = 0;
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < Block; k += lanes<T>)
    chosen |= mask::word{bits_within<T>(load(numbers + k), from, to, below)} << k;
  return store_chosen<T>(numbers, chosen, within);
}

// Stores those of 64 numbers whose bit is set, one after the other. Returns their number. Without
// an instruction that compresses, the few chosen ones are looked up one by one.
template <class T>
static std::size_t store_chosen(const T* numbers, mask::word chosen, T* to) noexcept {
  std::size_t found = 0;
  for (; chosen != 0; chosen &= chosen - 1) to[found++] = numbers[std::countr_zero(chosen)];
  return found;
}

// Returns the lowest bits in the places that are set, in their order.
static mask::word deposit(mask::word bits, mask::word places) noexcept {
  mask::word result = 0;
  for (; places != 0; places &= places - 1, bits >>= 1)
    if (bits & 1u) result |= places & ~(places - 1);
  return result;
}

// Permute every four lanes: 0 1 2 3 become 1 0 3 2, or 0 1 0 1, or 2 3 3 2.
static vec<float> swap_neighbours(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 1, 0, 3, 2);
}
static vec<float> first_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 0, 1, 0, 1);
}
static vec<float> second_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 2, 3, 3, 2);
}

// Returns one bit for each lane of a comparison's result.
template <class T, class Flags>
static std::uint32_t bits_of(Flags flags) noexcept {
#if TAMP_SIMD_X86
  if constexpr (sizeof(T) == 8)
    return static_cast<std::uint32_t>(__builtin_ia32_movmskpd((vec<double>)flags));
  else
    return static_cast<std::uint32_t>(__builtin_ia32_movmskps((vec<float>)flags));
#else
  std::uint32_t bits = 0;
  for (std::size_t k = 0; k < lanes<T>; ++k) bits |= std::uint32_t{flags[k] != 0} << k;
  return bits;
#endif
}
