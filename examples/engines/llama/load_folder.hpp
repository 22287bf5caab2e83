#pragma once

/// @file
/// Loads a model and its tokenizer from a folder as Hugging Face has it: config.json, tokenizer.json
/// and safetensors files.

#include <string>
#include <vector>

#include "language_model.hpp"

namespace llama {

/// `weights` are the names of the safetensors files in the folder. Loads every tensor as float.
language_model load_folder(const std::string& folder, const std::vector<std::string>& weights);

/// The configuration of a model of type "llama", "qwen2", "qwen3" or "gemma3_text", in the words of
/// config.json.
config read_config(const std::string& path);

}  // namespace llama
