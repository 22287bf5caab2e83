#pragma once

/// @file
/// The compiler's intrinsics. Their header takes as long to compile as a good part of the C++
/// library, so that only loops that need it include it.

#include "regions.hpp"
#if TAMP_SIMD_X86
#  include <immintrin.h>
#endif
