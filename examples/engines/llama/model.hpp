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
std::array<std::array<Index, 2>, layer_names.size()> layer_shapes(const config& c);

/// The Hugging Face name of a weight: "model.layers.3.self_attn.q_proj.weight".
std::string weight_name(Index block, std::string_view part);

/// One decoder block.
struct block {
  row_vector input_norm, post_attention_norm;      // RMSNorm gains, (hidden,)
  std::array<matrix, layer_names.size()> weights;  // by enum layer, each (out, in)
};

/// What turns patches of a picture into embeddings.
struct patch_embedding {
  matrix weight;     // (hidden, pixels of a patch)
  row_vector bias;   // (hidden,)
  matrix positions;  // (patches, hidden)
};

/// What lies before the first block and after the last one.
struct ends {
  matrix embedding;       // (vocabulary, hidden)
  row_vector norm;        // (hidden,), before the head
  matrix untied_head;     // (vocabulary, hidden), or empty
  patch_embedding patch;  // empty in a model without vision
  rotary_embedding rope;

  const matrix& head() const { return untied_head.size() == 0 ? embedding : untied_head; }
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
