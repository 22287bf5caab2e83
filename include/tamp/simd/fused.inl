// Multiplication and addition as one instruction, rounded once, on vectors of 32 and 64 bytes. GCC and
// clang name it differently, and the name that they share is in <immintrin.h> (intrinsics.hpp).

template <class T>
static vec<T> multiply_add(vec<T> a, vec<T> b, vec<T> c) noexcept {
#if defined(__clang__)
  return __builtin_elementwise_fma(a, b, c);
#else
  constexpr std::uint8_t all_of_8 = 0xff;  // the types with which nvcc declares these functions
  constexpr std::int16_t all_of_16 = -1;
  constexpr int current_rounding = 4;
  if constexpr (vector_bytes == 32 && sizeof(T) == 8)
    return __builtin_ia32_vfmaddpd256(a, b, c);
  else if constexpr (vector_bytes == 32)
    return __builtin_ia32_vfmaddps256(a, b, c);
  else if constexpr (sizeof(T) == 8)
    return __builtin_ia32_vfmaddpd512_mask(a, b, c, all_of_8, current_rounding);
  else
    return __builtin_ia32_vfmaddps512_mask(a, b, c, all_of_16, current_rounding);
#endif
}
