#pragma once

/// @file
/// Loads scenes from a safetensors file: images U8 (n, size, size), question_ids I32 (n, width),
/// question_length, answers and kind I32 (n); the metadata hold kinds and vocab as JSON.

#include <string>

#include "scenes.hpp"

namespace llama {

scenes load_scenes(const std::string& path);

}  // namespace llama
