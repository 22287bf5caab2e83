// See portable.inl. Each vector is compressed and stored whole, and the next one overwrites its
// unused lanes. Up to a vector more than the returned count is written.
template <std::size_t Block, class T, class Counts>
static std::size_t gather_block(const T* numbers, vec<T> from, vec<T> to, Counts& below,
                                T* within) noexcept {
  std::size_t found = 0;
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < Block; k += lanes<T>) {
    const vec<T> v = load(numbers + k);
    const std::uint32_t bits = bits_within<T>(v, from, to, below);
    compress<T>(within + found, v, bits);
    found += static_cast<std::size_t>(std::popcount(bits));
  }
  return found;
}

template <class T>
static std::size_t store_chosen(const T* numbers, mask::word chosen, T* to) noexcept {
  constexpr mask::word one_vector = (mask::word{1} << lanes<T>)-1;
  std::size_t found = 0;
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < mask::word_bits; k += lanes<T>) {
    const auto bits = static_cast<std::uint32_t>(chosen >> k & one_vector);
    compress<T>(to + found, load(numbers + k), bits);
    found += static_cast<std::size_t>(std::popcount(bits));
  }
  return found;
}

static mask::word deposit(mask::word bits, mask::word places) noexcept {
  return __builtin_ia32_pdep_di(bits, places);
}
