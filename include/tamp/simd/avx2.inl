// See portable.inl.

// Stores the lanes whose bit is set, one after the other. A whole vector is written. AVX2 permutes
// lanes of 4 bytes, by a table with the order for each choice of lanes.
template <class T>
static void compress(T* to, vec<T> v, std::uint32_t bits) noexcept {
  const std::uint64_t order = sizeof(T) == 8 ? chosen_of_4[bits & 15u] : chosen_of_8[bits];
#if defined(__clang__)
  typedef std::uint8_t eight_bytes __attribute__((vector_size(8)));
  const auto places = __builtin_convertvector((eight_bytes)order, vec<int>);
#else
  typedef char sixteen_bytes __attribute__((vector_size(16)));
  typedef std::uint64_t halves __attribute__((vector_size(16)));
  const vec<int> places = __builtin_ia32_pmovzxbd256((sixteen_bytes)halves{order, 0});
#endif
  store<T>(to, (vec<T>)__builtin_ia32_permvarsi256((vec<int>)v, places));
}

static vec<float> swap_neighbours(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
}
static vec<float> first_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 0, 1, 0, 1, 4, 5, 4, 5);
}
static vec<float> second_pairs(vec<float> v) noexcept {
  return __builtin_shufflevector(v, v, 2, 3, 3, 2, 6, 7, 7, 6);
}

// Returns one bit for each lane of a comparison's result.
template <class T, class Flags>
static std::uint32_t bits_of(Flags flags) noexcept {
  if constexpr (sizeof(T) == 8)
    return static_cast<std::uint32_t>(__builtin_ia32_movmskpd256((vec<double>)flags));
  else
    return static_cast<std::uint32_t>(__builtin_ia32_movmskps256((vec<float>)flags));
}
