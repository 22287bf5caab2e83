#pragma once

/// @file
/// The version of the library. CMakeLists.txt reads the numbers from here.

#define TAMP_VERSION_MAJOR 0
#define TAMP_VERSION_MINOR 2
#define TAMP_VERSION_PATCH 0

namespace tamp {

/// The version as "major.minor.patch".
inline constexpr const char* version = "0.2.0";

}  // namespace tamp
