// Numbers in a wider type, on vectors of any processor.

// Converts halves to floats, four at a time, with the steps of f16.
template <std::size_t Few>
static void load_halves(const std::byte* halves, float* floats) noexcept {
  typedef std::uint16_t four_halves __attribute__((vector_size(8)));
  using integers = vec<std::uint32_t>;
  constexpr std::uint32_t exponent = 0x7c00u << 13, rebias = (127u - 15u) << 23, one = 1u << 23;
  for (std::size_t k = 0; k < Few; k += 4) {
    four_halves v;
    std::memcpy(&v, halves + 2 * k, sizeof v);
    const integers half = __builtin_convertvector(v, integers);
    const integers sign = (half & 0x8000u) << 16, magnitude = (half & 0x7fffu) << 13;
    const vec<float> subnormal =
        (vec<float>)(magnitude + rebias + one) - (vec<float>)all<std::uint32_t>(rebias + one);
    const integers is_special = (integers)((magnitude & exponent) == exponent);
    const integers is_subnormal = (integers)((magnitude & exponent) == 0);
    const integers normal = magnitude + rebias + (is_special & rebias);
    const integers body = ((integers)subnormal & is_subnormal) | (normal & ~is_subnormal);
    store<float>(floats + k, (vec<float>)(sign | body));
  }
}

// Converts a vector of bfloats, which are the upper halves of floats. Of more than a vector,
// compilers make better code by themselves.
template <std::size_t Few>
static constexpr bool has_load_bfloats = Few == lanes<float>;
template <std::size_t Few>
static void load_bfloats(const std::byte* bfloats, float* floats) noexcept {
  typedef std::uint16_t four_halves __attribute__((vector_size(8)));
  four_halves v;
  std::memcpy(&v, bfloats, sizeof v);
  store<float>(floats, (vec<float>)(__builtin_convertvector(v, vec<std::uint32_t>) << 16));
}

// Loads as many floats as a vector has doubles.
static vec<double> widen(const float* floats) noexcept {
  return vec<double>{static_cast<double>(floats[0]), static_cast<double>(floats[1])};
}
