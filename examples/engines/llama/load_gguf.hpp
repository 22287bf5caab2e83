#pragma once

/// @file
/// Loads a model of architecture "llama", "qwen2", "qwen3" or "gemma3" and its tokenizer from a GGUF
/// file; quantised weights are turned into floats.

#include <string>

#include "model.hpp"
#include "tokenizer.hpp"

namespace llama {

struct language_model {
  llama::model model;
  llama::tokenizer tokenizer;
};

language_model load_gguf(const std::string& path);

}  // namespace llama
