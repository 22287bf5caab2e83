#pragma once

/// @file
/// The square root, without <cmath>.

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the square root of a number, the same as std::sqrt.
///
/// <cmath> has the special functions of mathematics, and is a seventh of what a file that includes
/// one pattern takes to compile. std::abs is in <cstdlib>, too.
inline double square_root(double number) noexcept { return __builtin_sqrt(number); }

}  // namespace tamp::inline TAMP_FLAGS::detail
