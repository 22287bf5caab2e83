// Comparisons and masks on vectors of 16 and 32 bytes, which have no mask registers.

// Returns one bit for each lane, set where a < b.
template <class T>
static std::uint32_t bits_below(vec<T> a, vec<T> b) noexcept {
  return bits_of<T>(a < b);
}

// Adds one to the counts of the lanes where a < b, each lane on its own.
template <class T, class Counts>
static void count_below(vec<T> a, vec<T> b, Counts& counts) noexcept {
  counts -= a < b;
}

// Returns one bit for each lane of v, set where it is not below `from` and at most `to`. Counts the
// lanes below `from`, each lane on its own.
template <class T, class Counts>
static std::uint32_t bits_within(vec<T> v, vec<T> from, vec<T> to, Counts& below) noexcept {
  const auto is_below = v < from;
  below -= is_below;
  return bits_of<T>(v <= to) & ~bits_of<T>(is_below);
}

// Replaces those of 64 elements whose bit is 0 by `zero`. As many bits as a lane has are broadcast
// to all lanes, each of which tests its own. For lanes of one byte, groups of eight are given one
// byte of bits each.
template <class Bits>
static void replace_word(mask::word keep, std::byte* elements, Bits zero) noexcept {
  constexpr std::size_t width = (std::max)(8 * sizeof(Bits), lanes<Bits>);
  const vec<Bits> instead = all(zero);
  TAMP_SIMD_UNROLL
  for (std::size_t first = 0; first < mask::word_bits; first += width) {
    vec<Bits> kept{};
    if constexpr (sizeof(Bits) == 1) {
      vec<std::uint64_t> eights{};
      for (std::size_t k = 0; k < lanes<std::uint64_t>; ++k)
        eights[k] = (keep >> (first + 8 * k) & 0xffu) * 0x0101010101010101u;
      kept = (vec<Bits>)eights;
    } else {
      kept = all(static_cast<Bits>(keep >> first));
    }
    TAMP_SIMD_UNROLL
    for (std::size_t k = 0; k < width; k += lanes<Bits>) {
      vec<Bits> own{}, v;
      for (std::size_t lane = 0; lane < lanes<Bits>; ++lane)
        own[lane] = static_cast<Bits>(Bits{1} << ((k + lane) % (8 * sizeof(Bits))));
      std::memcpy(&v, elements + (first + k) * sizeof(Bits), sizeof v);
      const vec<Bits> stays = (vec<Bits>)((kept & own) == own);
      v = (v & stays) | (instead & ~stays);
      std::memcpy(elements + (first + k) * sizeof(Bits), &v, sizeof v);
    }
  }
}
