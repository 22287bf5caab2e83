#pragma once

// Which tensors of a model are pruned, as which layers.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model_files.hpp"

namespace tamp_prune {

// One weight of (rows, cols), out_features by in_features: a tensor, or the slice of an expert.
struct layer {
  std::string name;
  std::size_t tensor = 0;  // which of the model's
  std::size_t rows = 0, cols = 0;
  bool is_transposed = false;  // stored as (in_features, out_features)
  std::uint64_t offset = 0;    // of its bytes, from the file's beginning
  std::uint64_t length = 0;
  // The same in the file that is written. A layout may change them.
  std::uint64_t new_offset = 0, new_length = 0;
  std::uint32_t new_type = 0;  // ggml's number, of blocks

  std::size_t size() const { return rows * cols; }
};

struct block {
  std::string stack;  // "model.layers"
  std::size_t number = 0;
  std::vector<layer> layers;
};

// A weight that stays as it is, although it is a matrix of floating-point numbers.
struct dense_tensor {
  std::string name, why;
  std::size_t size = 0;
};

struct layer_list {
  std::vector<block> blocks;
  std::vector<dense_tensor> dense;

  std::size_t layers() const;
  std::size_t size() const;  // number of weights in all layers
  // Calls visit(layer) for all layers of all blocks, in their order.
  void visit(auto&& visit) const {
    for (const block& b : blocks)
      for (const layer& l : b.layers) visit(l);
  }
};

// Patterns of names, in which * stands for any text and ? for any character. Without `only`, the
// linear layers of known models are pruned.
struct choice {
  std::vector<std::string> only, exclude;
  bool may_retype = false;  // types without a zero, or that tamp does not write, are not refused
  bool changes_weights = false;  // of weights that stay, so that tamp must write their type
};

// Throws tamp::value_error, with the candidates, if nothing is chosen, or if there is no `only` and
// linear layers of known names are less than half of the model's blocks. Throws it, too, if a
// pattern fits nothing.
layer_list choose_layers(const model_files& model, const choice& names);

}  // namespace tamp_prune
