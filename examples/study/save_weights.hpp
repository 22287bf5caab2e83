#pragma once

// Pruned weights as safetensors files, for comparisons with other programs.

#include <filesystem>
#include <llama/model.hpp>

namespace study {

// Writes the linear layers of all blocks as F32, (outputs, inputs), by the names that Hugging Face
// gives them.
void save_weights(const std::filesystem::path& path, const llama::model& model);

// Writes which weights of these layers are not zero, as U8, by the same names.
void save_masks(const std::filesystem::path& path, const llama::model& model);

}  // namespace study
