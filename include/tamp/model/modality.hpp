#pragma once

/// @file
/// Kinds of tokens.

#include <cstdint>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {

/// The origin of a token. A host may use further values for kinds of its own; statistics accept
/// those below 8.
enum class modality : std::uint8_t { text = 0, image = 1, audio = 2, video = 3 };

}  // namespace tamp::inline TAMP_FLAGS
