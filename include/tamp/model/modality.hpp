#pragma once

/// @file
/// What kind of thing a token stands for.

#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// Where a token comes from. A host may use further values for kinds of its own.
enum class modality : std::uint8_t { text = 0, image = 1, audio = 2, video = 3 };

}  // namespace tamp::inline TAMP_FLAGS
