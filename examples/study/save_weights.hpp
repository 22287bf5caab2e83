#pragma once

// Pruned weights as safetensors files, for comparisons with other programs.

#include <filesystem>
#include <llama/model.hpp>

namespace study {

// Writes all tensors of a model as F32, by the names that Hugging Face gives them.
void save_weights(const std::filesystem::path& path, const llama::model& model);

// Writes which weights of the linear layers of all blocks are not zero, as U8, by the same names.
void save_masks(const std::filesystem::path& path, const llama::model& model);

}  // namespace study
