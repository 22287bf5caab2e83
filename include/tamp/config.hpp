#pragma once

/// @file
/// What the compiler offers, in macros of our own. Nothing else defines macros.

/// Marks a function that the CPU loops and the CUDA kernels share.
#if defined(__CUDACC__)
#  define TAMP_FN __host__ __device__
#else
#  define TAMP_FN
#endif

/// 1 where errors are thrown, 0 where they are printed and the program aborts.
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#  define TAMP_EXCEPTIONS 1
#else
#  define TAMP_EXCEPTIONS 0
#endif
