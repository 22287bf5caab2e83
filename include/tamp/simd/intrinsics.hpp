#pragma once

/// @file
/// The compiler's intrinsics, for loops over packed weights. Their header takes as long to compile
/// as a good part of the C++ library. Other loops call the few instructions for which vectors have
/// no operator by the compilers' own names (fused.inl, avx2.inl, avx512.inl).

#include "regions.hpp"
#if TAMP_SIMD_X86
#  include <immintrin.h>
#endif
