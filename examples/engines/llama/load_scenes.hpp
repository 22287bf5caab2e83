#pragma once

/// @file
/// Loads scenes from a safetensors file: question_ids I32 (n, width), question_length, answers and
/// kind I32 (n); the metadata hold kinds and vocab as JSON. The pictures are images U8 (n, size,
/// size); or, of several sizes, pixels U8 of all one after another, frames and sides I32 (pictures),
/// and picture I32 (n), the one that a question is about.

#include <string>

#include "scenes.hpp"

namespace llama {

scenes load_scenes(const std::string& path);

}  // namespace llama
