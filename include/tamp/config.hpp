#pragma once

/// @file
/// Macros that describe the compiler and its flags.

/// Marks a function that the CPU loops and the CUDA kernels share.
#if defined(__CUDACC__)
#  define TAMP_FN __host__ __device__
#else
#  define TAMP_FN
#endif

/// The handling of errors: 1 if they are thrown, 0 if they are printed and the program aborts.
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#  define TAMP_EXCEPTIONS 1
#else
#  define TAMP_EXCEPTIONS 0
#endif

/// Checks a precondition in debug builds, for functions too short for a check in production.
///
/// Unless NDEBUG is defined, a false `condition` prints the sentence that the other arguments make
/// up and aborts. With NDEBUG, nothing is checked. A broken precondition is a bug in the program
/// and no exception that it could catch. NDEBUG is not part of the name below: units with and
/// without it can be linked, and each call may then be checked or not.
#if defined(NDEBUG) || defined(__CUDA_ARCH__)
#  define TAMP_EXPECTS(condition, ...) static_cast<void>(0)
#else
#  define TAMP_EXPECTS(condition, ...) \
    ((condition) ? static_cast<void>(0) : ::tamp::detail::broken_precondition(__VA_ARGS__))
#endif

/// The inline namespace of all code whose compilation depends on the compiler's flags.
///
/// The linker keeps one copy of each inline function. Suppose that one unit of a program is
/// compiled with -mavx2 -mfma and another without. A function with one name in both would then
/// execute instructions that a processor lacks, or round differently, depending on the order of
/// linking. The flags are therefore part of the name. Each unit calls the copy that was compiled
/// with its own flags, and passing a tamp object to a unit with other flags is a link error.
/// Errors, roles and executors stay outside, so that any unit can catch, name and pass them.
#if defined(__AVX512F__)
#  define TAMP_FLAGS_VECTORS _avx512
#elif defined(__AVX2__)
#  define TAMP_FLAGS_VECTORS _avx2
#elif defined(__AVX__)
#  define TAMP_FLAGS_VECTORS _avx
#elif defined(__SSE4_2__)
#  define TAMP_FLAGS_VECTORS _sse4_2
#elif defined(__SSE4_1__)
#  define TAMP_FLAGS_VECTORS _sse4_1
#elif defined(__SSSE3__)
#  define TAMP_FLAGS_VECTORS _ssse3
#elif defined(__SSE3__)
#  define TAMP_FLAGS_VECTORS _sse3
#elif defined(__ARM_FEATURE_SVE2)
#  define TAMP_FLAGS_VECTORS _sve2
#elif defined(__ARM_FEATURE_SVE)
#  define TAMP_FLAGS_VECTORS _sve
#else
#  define TAMP_FLAGS_VECTORS
#endif
#if defined(__AVX512BW__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#  define TAMP_FLAGS_AVX512 _cd_bw_dq_vl
#elif defined(__AVX512VL__)
#  define TAMP_FLAGS_AVX512 _vl
#else
#  define TAMP_FLAGS_AVX512
#endif
#if defined(__AVX512VBMI2__)
#  define TAMP_FLAGS_VBMI _vbmi2
#elif defined(__AVX512VBMI__)
#  define TAMP_FLAGS_VBMI _vbmi
#else
#  define TAMP_FLAGS_VBMI
#endif
#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BITALG__)
#  define TAMP_FLAGS_VPOPCNT _vpopcnt_bitalg
#elif defined(__AVX512VPOPCNTDQ__)
#  define TAMP_FLAGS_VPOPCNT _vpopcnt
#else
#  define TAMP_FLAGS_VPOPCNT
#endif
#if defined(__AVX512IFMA__)
#  define TAMP_FLAGS_IFMA _ifma
#else
#  define TAMP_FLAGS_IFMA
#endif
#if defined(__AVX512VNNI__)
#  define TAMP_FLAGS_VNNI _vnni
#elif defined(__AVXVNNI__)
#  define TAMP_FLAGS_VNNI _avxvnni
#else
#  define TAMP_FLAGS_VNNI
#endif
#if defined(__AVX512BF16__)
#  define TAMP_FLAGS_BF16 _bf16
#else
#  define TAMP_FLAGS_BF16
#endif
#if defined(__AVX512FP16__) || defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
#  define TAMP_FLAGS_FP16 _fp16
#else
#  define TAMP_FLAGS_FP16
#endif
#if defined(__FMA__)
#  define TAMP_FLAGS_FMA _fma
#elif defined(__FMA4__)
#  define TAMP_FLAGS_FMA _fma4
#else
#  define TAMP_FLAGS_FMA
#endif
#if defined(__F16C__)
#  define TAMP_FLAGS_F16C _f16c
#else
#  define TAMP_FLAGS_F16C
#endif
#if defined(__POPCNT__) && !defined(__SSE4_2__)
#  define TAMP_FLAGS_POPCNT _popcnt
#else
#  define TAMP_FLAGS_POPCNT
#endif
#if defined(__BMI2__)
#  define TAMP_FLAGS_BMI _bmi2
#elif defined(__BMI__)
#  define TAMP_FLAGS_BMI _bmi
#else
#  define TAMP_FLAGS_BMI
#endif
#if defined(__LZCNT__)
#  define TAMP_FLAGS_LZCNT _lzcnt
#else
#  define TAMP_FLAGS_LZCNT
#endif
#if defined(__MOVBE__)
#  define TAMP_FLAGS_MOVBE _movbe
#else
#  define TAMP_FLAGS_MOVBE
#endif
#if defined(__XOP__)
#  define TAMP_FLAGS_AMD _xop
#elif defined(__SSE4A__)
#  define TAMP_FLAGS_AMD _sse4a
#else
#  define TAMP_FLAGS_AMD
#endif
#if defined(__GFNI__)
#  define TAMP_FLAGS_GFNI _gfni
#else
#  define TAMP_FLAGS_GFNI
#endif
#if defined(__APX_F__)
#  define TAMP_FLAGS_APX _apx
#else
#  define TAMP_FLAGS_APX
#endif
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#  define TAMP_FLAGS_MATH _fast_math
#elif defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#  define TAMP_FLAGS_MATH _unsafe_math
#elif defined(__ROUNDING_MATH__)
#  define TAMP_FLAGS_MATH _rounding_math
#else
#  define TAMP_FLAGS_MATH
#endif
#if TAMP_EXCEPTIONS
#  define TAMP_FLAGS_EXCEPTIONS
#else
#  define TAMP_FLAGS_EXCEPTIONS _no_exceptions
#endif
#define TAMP_FLAGS_JOIN(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s) \
  flags##a##b##c##d##e##f##g##h##i##j##k##l##m##n##o##p##q##r##s
#define TAMP_FLAGS_OF(...) TAMP_FLAGS_JOIN(__VA_ARGS__)
#define TAMP_FLAGS_QUOTED(name) #name
#define TAMP_FLAGS_TEXT(name) TAMP_FLAGS_QUOTED(name)
#define TAMP_FLAGS                                                                          \
  TAMP_FLAGS_OF(TAMP_FLAGS_VECTORS, TAMP_FLAGS_AVX512, TAMP_FLAGS_VBMI, TAMP_FLAGS_VPOPCNT, \
                TAMP_FLAGS_IFMA, TAMP_FLAGS_VNNI, TAMP_FLAGS_BF16, TAMP_FLAGS_FP16,         \
                TAMP_FLAGS_FMA, TAMP_FLAGS_F16C, TAMP_FLAGS_POPCNT, TAMP_FLAGS_BMI,         \
                TAMP_FLAGS_LZCNT, TAMP_FLAGS_MOVBE, TAMP_FLAGS_AMD, TAMP_FLAGS_GFNI,        \
                TAMP_FLAGS_APX, TAMP_FLAGS_MATH, TAMP_FLAGS_EXCEPTIONS)

namespace tamp::inline TAMP_FLAGS::detail {

/// The unit's flags as a template argument, for templates of classes outside of this namespace.
struct flags_of_unit {};

}  // namespace tamp::inline TAMP_FLAGS::detail
