#pragma once

// The blocks of a model's decoder, by the names of its tensors.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tamp/structure/ties.hpp>
#include <vector>

#include "model_files.hpp"

namespace tamp_prune {

// The names of one block's tensors. Those that a model lacks are empty.
struct decoder_block {
  std::string q, k, v, o, q_bias, k_bias, v_bias, o_bias;
  std::string gate, up, down, gate_bias, up_bias, down_bias;
  std::string router, router_bias;
  std::map<std::size_t, std::vector<std::string>> experts;  // tensors of each expert
  std::vector<std::string> fused_experts;                   // tensors of all experts
  std::vector<std::string> all;                             // all tensors of the block
};

struct decoder_blocks {
  std::string stack;  // "model.layers", "blk"
  std::vector<decoder_block> blocks;

  // "model.layers.3"
  std::string name(std::size_t block) const { return stack + '.' + std::to_string(block); }
};

// Finds the blocks. Throws tamp::value_error, which begins with the option that needs them, if there
// are none of known names, several stacks of them, or a number is missing.
decoder_blocks find_blocks(const model_files& model, std::string_view option = "--structure");

// A tensor of a block's attention that may depend on the number of heads and has no known name, with
// its shape: "NAME of 1 x 8". Empty if there is none.
std::string unknown_of_heads(const model_files& model, const decoder_block& b,
                             std::size_t head_dim);

// The tensors with a row, or in a vector a number, for each token: the embedding first, and the head
// where it has tensors of its own. Throws tamp::value_error if there is no embedding of a known name, or
// several, or if another tensor outside of the blocks may belong to them.
std::vector<std::string> vocabulary_weights(const model_files& model,
                                            const decoder_blocks& decoder);

// A tensor as a matrix: a vector is one row, and all but the last of more dimensions are rows.
tamp::structure::extents matrix_of(const tensor& t);
tamp::structure::weight_shapes shapes_of(const model_files& model);

// The tensor of that name.
const tensor& find_tensor(const model_files& model, const std::string& name);

}  // namespace tamp_prune
