#pragma once

/// @file
/// The weights of a model. Copies share what is not in a block, so that a copy costs little more
/// than the blocks' linear layers.

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"
#include "rope.hpp"

namespace llama {

/// The linear layers of a block, in the order in which they are computed.
enum layer : std::size_t { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj };

inline constexpr std::array<std::string_view, 7> layer_names = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

/// The shapes of a block's linear layers, (out_features, in_features), by enum layer.
std::array<std::array<Index, 2>, layer_names.size()> layer_shapes(const config& c, Index block = 0);

/// True if a layer of each block has a bias.
bool has_bias(const config& c, layer l);

/// The Hugging Face name of a weight: "model.layers.3.self_attn.q_proj.weight".
std::string weight_name(Index block, std::string_view part, std::string_view ending = ".weight");

/// The vectors of a decoder block. Those that an architecture lacks are empty.
struct block_vectors {
  row_vector attention_norm, ffn_norm;                // RMSNorm gains before each half, (hidden,)
  row_vector attention_output_norm, ffn_output_norm;  // and of what each half adds, (hidden,)
  row_vector query_norm, key_norm;                    // of each head, (head_dim,)
  std::array<row_vector, layer_names.size()> biases;  // by enum layer, (out,)
};

/// Calls use(part, ending, vector, size) for each vector of a block that a model has: the name is
/// weight_name(block, part, ending).
template <class Vectors, class Use>
void for_each_vector(const config& c, Vectors& v, const Use& use, Index block = 0) {
  constexpr std::string_view weight = ".weight";
  use("input_layernorm", weight, v.attention_norm, c.hidden);
  if (c.output_norms) {
    use("post_attention_layernorm", weight, v.attention_output_norm, c.hidden);
    use("pre_feedforward_layernorm", weight, v.ffn_norm, c.hidden);
    use("post_feedforward_layernorm", weight, v.ffn_output_norm, c.hidden);
  } else {
    use("post_attention_layernorm", weight, v.ffn_norm, c.hidden);
  }
  if (c.head_norms) {
    use("self_attn.q_norm", weight, v.query_norm, c.head_dim);
    use("self_attn.k_norm", weight, v.key_norm, c.head_dim);
  }
  for (std::size_t l = 0; l < layer_names.size(); ++l)
    if (has_bias(c, layer(l)))
      use(layer_names[l], std::string_view(".bias"), v.biases[l], layer_shapes(c, block)[l][0]);
}

/// One decoder block.
struct block : block_vectors {
  std::array<matrix, layer_names.size()> weights;  // by enum layer, each (out, in)
};

/// The projection of a picture's patches to embeddings.
struct patch_embedding {
  matrix weight;     // (hidden, pixels of a patch)
  row_vector bias;   // (hidden,)
  matrix positions;  // (patches, hidden); empty in a model of several sizes
  matrix rows, columns,
      frames;  // (most patches a side, hidden) twice, (most frames, hidden); or empty
};

/// The parts before the first block and after the last one.
struct ends {
  matrix embedding;                   // (vocabulary, hidden)
  row_vector norm;                    // (hidden,), before the head
  matrix untied_head;                 // (vocabulary, hidden), or empty
  patch_embedding patch;              // empty in a model without vision
  rotary_embedding rope, local_rope;  // the second in layers with a sliding window

  const matrix& head() const { return untied_head.size() == 0 ? embedding : untied_head; }
  const rotary_embedding& rope_of(const config& c, Index layer) const {
    return c.window_of(layer) == 0 ? rope : local_rope;
  }
};

struct model {
  llama::config config;
  std::vector<block> blocks;
  std::shared_ptr<const llama::ends> ends;  // shared by all copies
};

/// Returns the matrix of a Hugging Face name, (rows, cols), or throws; a vector is a matrix with
/// one row.
using read_weight = std::function<matrix(const std::string& name, Index rows, Index cols)>;

/// Builds a model from its weights, read one by one.
model assemble(const config& c, const read_weight& read);

}  // namespace llama
