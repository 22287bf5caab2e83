#pragma once

/// @file
/// Loads a model from a safetensors file whose metadata holds the Hugging Face configuration as
/// JSON under "config".

#include <string>

#include "model.hpp"

namespace llama {

/// Loads every tensor as float.
model load_safetensors(const std::string& path);

}  // namespace llama
