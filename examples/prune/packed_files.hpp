#pragma once

// The pruned model with its layers in the layout of tamp/io/sparse_file.hpp.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>
#include <vector>

#include "layers.hpp"
#include "model_files.hpp"
#include "run.hpp"

namespace tamp_prune {

// The tensors with layers that stay dense, and why: the layout is for matrices of F32, F16 or BF16
// whose names end in ".weight".
std::vector<dense_tensor> layers_not_packed(const model_files& model, const layer_list& layers);

// Throws tamp::file_error if the model cannot be packed: if it is no safetensors model, if no layer
// can be packed, if a tensor is of a type that cannot be copied or has a name that a packed layer
// needs, or if config.json cannot say that the layers are packed.
void check_packing(const model_files& model, const layer_list& layers);

struct packed_places {
  std::filesystem::path from;  // the folder of the pruned files, and of copies of all others
  std::filesystem::path to;    // a folder for the same files, packed
};
// The entry of config.json about the layers.
struct packed_config {
  double sparsity = 0;  // of all numbers in the files
  std::string pattern;  // per_row, 2:4 ...
};

// The most bytes that the packed files of weights can have, if the plan is followed.
std::uint64_t most_packed_bytes(const model_files& model, const layer_list& layers,
                                const tamp::pruning_plan& plan, bool drops_blocks = false);

// Packs the pruned files, one layer in memory at a time. Each file appears in one step, and those
// that are there are left. The report says how many weights of each layer were kept. The index
// names the new tensors, and config.json says what compressed-tensors writes for its format
// sparse-bitmask. Returns false if the user stopped it. Throws tamp::file_error if a file cannot be
// read or written.
bool write_packed(const model_files& model, const layer_list& layers, const packed_places& places,
                  const packed_config& config, const tamp::prune_report& report,
                  const surroundings& around);

}  // namespace tamp_prune
