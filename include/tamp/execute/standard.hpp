#pragma once

/// @file
/// The executor that is used when none is named.

#include "sequential.hpp"
#if defined(_OPENMP)
#  include "openmp.hpp"
#endif

namespace tamp::execute {

/// OpenMP where the compiler has it switched on, else the calling thread alone.
///
/// It is always a template argument of what it runs, so that files compiled with and without
/// OpenMP can be linked into one program.
#if defined(_OPENMP)
using standard = openmp;
#else
using standard = sequential;
#endif

}  // namespace tamp::execute
