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
