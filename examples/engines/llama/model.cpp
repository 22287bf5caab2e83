#include "model.hpp"

#include <utility>

namespace llama {

std::string weight_name(Index block, std::string_view part, std::string_view ending) {
  std::string name = "model.layers.";
  name += std::to_string(block);
  name += '.';
  name += part;
  return name += ending;
}

std::array<std::array<Index, 2>, layer_names.size()> layer_shapes(const config& c, Index block) {
  const block_size size = c.size_of(block);
  const Index queries = size.heads * c.head_dim, keys = size.kv_heads * c.head_dim;
  return {{{queries, c.hidden},
           {keys, c.hidden},
           {keys, c.hidden},
           {c.hidden, queries},
           {size.ffn, c.hidden},
           {size.ffn, c.hidden},
           {c.hidden, size.ffn}}};
}

bool has_bias(const config& c, layer l) {
  switch (l) {
    case o_proj:
      return c.output_bias;
    case gate_proj:
    case up_proj:
      return c.gate_biases;
    case down_proj:
      return c.down_bias;
    default:
      return c.biases;
  }
}

model assemble(const config& c, const read_weight& read) {
  check(c);
  model m{c, {}, nullptr};
  // Memory is taken block by block: a file without these tensors ends it.
  for (Index b = 0; b < c.layers; ++b) {
    block& target = m.blocks.emplace_back();
    const auto shapes = layer_shapes(c, b);
    for_each_vector(
        c, target,
        [&](auto part, auto ending, row_vector& vector, Index size) {
          vector = read(weight_name(b, part, ending), Index(1), size);
        },
        b);
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
    const Index side = c.vision->most_patches_a_side;
    if (c.vision->is_of_one_size()) {
      e.patch.positions = read("visual.pos_embed.weight", c.vision->patches(), c.hidden);
    } else {
      e.patch.rows = read("visual.row_embed.weight", side, c.hidden);
      e.patch.columns = read("visual.column_embed.weight", side, c.hidden);
      e.patch.frames = read("visual.frame_embed.weight", c.vision->most_frames, c.hidden);
    }
  }
  e.rope = rotary_embedding(c.head_dim, c.rope_theta, c.positions, c.rope_divisors);
  if (c.window) e.local_rope = rotary_embedding(c.head_dim, c.window->rope_theta, c.positions);
  m.ends = std::make_shared<const ends>(std::move(e));
  return m;
}

}  // namespace llama
