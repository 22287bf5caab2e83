// See widening.inl. The builtin functions spare users the compiler's header of all intrinsics.

// Converts halves to floats.
template <std::size_t Few>
static void load_halves(const std::byte* halves, float* floats) noexcept {
  typedef short eight_halves __attribute__((vector_size(16)));
  for (std::size_t k = 0; k < Few; k += lanes<float>) {
    eight_halves v;
    std::memcpy(&v, halves + 2 * k, sizeof v);
    store<float>(floats + k, (vec<float>)__builtin_ia32_vcvtph2ps256(v));
  }
}

// Converts bfloats. Left to itself, GCC 12 stores halves of vectors and waits to load them whole.
template <std::size_t Few>
static constexpr bool has_load_bfloats = true;
template <std::size_t Few>
static void load_bfloats(const std::byte* bfloats, float* floats) noexcept {
  for (std::size_t k = 0; k < Few; k += lanes<float>) {
#if defined(__clang__)
    typedef unsigned short eight_halves __attribute__((vector_size(16)));
    eight_halves v;
    std::memcpy(&v, bfloats + 2 * k, sizeof v);
    const auto wide = __builtin_convertvector(v, vec<std::uint32_t>);
#else
    typedef short eight_halves __attribute__((vector_size(16)));
    eight_halves v;
    std::memcpy(&v, bfloats + 2 * k, sizeof v);
    const auto wide = (vec<std::uint32_t>)__builtin_ia32_pmovzxwd256(v);
#endif
    store<float>(floats + k, (vec<float>)(wide << 16));
  }
}

// GCC 12 makes scalar code of the generic conversion, and clang has no builtin function for it.
static vec<double> widen(const float* floats) noexcept {
  typedef float four_floats __attribute__((vector_size(16)));
  four_floats v;
  std::memcpy(&v, floats, sizeof v);
#if defined(__clang__)
  return __builtin_convertvector(v, vec<double>);
#else
  return __builtin_ia32_cvtps2pd256(v);
#endif
}
