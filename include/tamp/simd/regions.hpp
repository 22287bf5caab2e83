#pragma once

/// @file
/// Regions of code in which the compiler may use more instructions than outside.
///
/// Functions that are defined between TAMP_SIMD_BEGIN_... and TAMP_SIMD_END are compiled for the
/// named instructions, whatever flags the compiler was given. Call them only where the processor
/// has these. A function from outside that they call, for example a user's score, is compiled for
/// the instructions where it is inlined.

#if !defined(__GNUC__)
#  error "tamp's inner loops are written in the vector types of GCC and clang"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#  error \
      "tamp needs float and double rounded as such: compile with -msse2 -mfpmath=sse, or for 64 bits"
#endif

#if defined(__x86_64__)
#  define TAMP_SIMD_X86 1
#else
#  define TAMP_SIMD_X86 0
#endif

#define TAMP_SIMD_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#  define TAMP_SIMD_BEGIN(set) \
    TAMP_SIMD_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#  define TAMP_SIMD_END TAMP_SIMD_PRAGMA(clang attribute pop)
#else
#  define TAMP_SIMD_BEGIN(set) TAMP_SIMD_PRAGMA(GCC push_options) TAMP_SIMD_PRAGMA(GCC target(set))
#  define TAMP_SIMD_END TAMP_SIMD_PRAGMA(GCC pop_options)
#endif

/// Unrolls an inner loop of constant length, so that its accumulators stay in registers. GCC does
/// not do that by itself at -O2. nvcc knows neither pragma.
#if defined(__CUDACC__)
#  define TAMP_SIMD_UNROLL
#elif defined(__clang__)
#  define TAMP_SIMD_UNROLL TAMP_SIMD_PRAGMA(unroll)
#else
#  define TAMP_SIMD_UNROLL TAMP_SIMD_PRAGMA(GCC unroll 64)
#endif

#define TAMP_SIMD_BEGIN_AVX2 TAMP_SIMD_BEGIN("avx2,f16c,bmi,bmi2,popcnt")
#define TAMP_SIMD_BEGIN_AVX512 TAMP_SIMD_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt")
