#pragma once

// The weights kept of each pruned tensor, for fine-tuning and other tools.

#include <filesystem>
#include <functional>

#include "layers.hpp"
#include "model_files.hpp"
#include "run.hpp"

namespace tamp_prune {

// Writes a safetensors file with two tensors for each pruned tensor NAME of (rows, cols), as it is
// stored; experts of three dimensions are one below another:
//
//     NAME.bitmask    U8 (rows, ceil(cols / 8))    bit j % 8 of byte j / 8 is 1 where j is kept
//     NAME.shape      I64 (2,)                     rows, cols
//
// The pruned files are read for it, one layer at a time: a weight that is zero in them was dropped.
// `pruned` names them. Returns false if the user stopped it; nothing is written then. Throws
// tamp::file_error if a file cannot be read or written.
bool write_masks(const std::filesystem::path& to, const model_files& model,
                 const layer_list& layers,
                 const std::function<std::filesystem::path(std::size_t)>& pruned,
                 const surroundings& around);

}  // namespace tamp_prune
