// See portable.inl. Each vector is compressed and stored whole, and the next one overwrites its
// unused lanes. Up to a vector more than the returned count is written.
template <std::size_t Block, bool WithColumns, class T, class Counts>
static std::size_t gather_block(const T* numbers, vec<T> from, vec<T> to, Counts& below, T* within,
                                [[maybe_unused]] std::size_t first,
                                [[maybe_unused]] bits_of_number<T>* columns) noexcept {
  using column = bits_of_number<T>;
  [[maybe_unused]] vec<column> place{};
  if constexpr (WithColumns)
    for (std::size_t k = 0; k < lanes<T>; ++k) place[k] = static_cast<column>(first + k);
  std::size_t found = 0;
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < Block; k += lanes<T>) {
    const vec<T> v = load(numbers + k);
    const std::uint32_t bits = bits_within<T>(v, from, to, below);
    if constexpr (WithColumns)
      compress<column>(columns + found, place + static_cast<column>(k), bits);
    compress<T>(within + found, v, bits);
    found += static_cast<std::size_t>(std::popcount(bits));
  }
  return found;
}
