#pragma once

/// @file
/// The weights of a model. Copies share what is not in a block, so that a copy costs little more
/// than the blocks' linear layers.

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config.hpp"
#include "rope.hpp"

namespace llama {

/// The linear layers of a block, in the order in which they are computed.
enum layer : std::size_t { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj };

inline constexpr std::array<std::string_view, 7> layer_names = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

/// The Hugging Face name of a weight: "model.layers.3.self_attn.q_proj.weight".
inline std::string weight_name(Index block, std::string_view part) {
  std::string name = "model.layers.";
  name += std::to_string(block);
  name += '.';
  name += part;
  return name += ".weight";
}

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

/// Builds a model from `read(name, rows, cols)`, which returns the matrix of that Hugging Face name
/// or throws; a vector is a matrix with one row.
template <class Read>
model assemble(const config& c, Read&& read) {
  check(c);
  const Index queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  const std::array<std::array<Index, 2>, layer_names.size()> shapes = {{{queries, c.hidden},
                                                                        {keys, c.hidden},
                                                                        {keys, c.hidden},
                                                                        {c.hidden, queries},
                                                                        {c.ffn, c.hidden},
                                                                        {c.ffn, c.hidden},
                                                                        {c.hidden, c.ffn}}};
  model m{c, std::vector<block>(std::size_t(c.layers)), nullptr};
  for (Index b = 0; b < c.layers; ++b) {
    block& target = m.blocks[std::size_t(b)];
    target.input_norm = read(weight_name(b, "input_layernorm"), Index(1), c.hidden);
    target.post_attention_norm =
        read(weight_name(b, "post_attention_layernorm"), Index(1), c.hidden);
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      target.weights[l] = read(weight_name(b, layer_names[l]), shapes[l][0], shapes[l][1]);
  }
  ends e;
  e.embedding = read("model.embed_tokens.weight", c.vocabulary, c.hidden);
  e.norm = read("model.norm.weight", Index(1), c.hidden);
  if (!c.tied_head) e.untied_head = read("lm_head.weight", c.vocabulary, c.hidden);
  if (c.vision) {
    e.patch.weight = read("visual.patch_embed.weight", c.hidden, c.vision->pixels_of_patch());
    e.patch.bias = read("visual.patch_embed.bias", Index(1), c.hidden);
    e.patch.positions = read("visual.pos_embed.weight", c.vision->patches(), c.hidden);
  }
  e.rope = rotary_embedding(c.head_dim, c.rope_theta, c.positions);
  m.ends = std::make_shared<const ends>(std::move(e));
  return m;
}

}  // namespace llama
