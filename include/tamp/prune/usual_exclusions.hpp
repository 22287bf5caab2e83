#pragma once

/// @file
/// The usual names of layers that should stay dense.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// Modules that stay dense wherever they stand in a model.
inline constexpr auto dense_modules = std::to_array<std::string_view>(
    {// Embeddings of tokens, positions, types of tokens and images.
     "wte", "wpe", "emb", "shared", "token_types",
     // Routers of experts and gates of shared ones.
     "gate", "gate.wg", "gate.linear", "gating", "shared_expert_gate",
     // Heads: language models, classification, questions, contrastive projections.
     "head", "head.dense", "cls", "score", "proj_out", "output_layer", "qa_outputs", "to_logits",
     "vocab_transform", "vocab_projector", "visual_projection", "text_projection",
     "final_logits_bias", "v_head.summary",
     // State-space models: decays, and convolutions over time.
     "A_log", "ssm_a", "conv1d", "ssm_conv1d",
     // Norms whose names do not say so.
     "ln_f", "ln_q", "ln_1", "ln_2", "ln_attn", "ln_mlp", "ln_pre", "ln_post"});

/// Endings of the names of dense modules: "*embed" also matches "cls_embed".
inline constexpr auto dense_endings = std::to_array<std::string_view>(
    {// Embeddings. A module with one of these names may contain a whole vision tower.
     "*embed", "*embeds", "*embd", "*_emb", "*embedding", "*embeddings", "*embedder",
     "*embedding_table", "*embed_tokens", "*embed_tokens_per_layer", "*embed_positions",
     "*embed_in", "*embed_out", "*patch_conv", "*query_tokens", "*position_encoding",
     "*positional_encoding",
     // Biases by distance, and of routers.
     "*bias_table", "*relative_attention_bias", "*relative_position_bias", "*rel_pos_bias",
     "*rel_pos_x_bias", "*rel_pos_y_bias", "*rel_pos_h", "*rel_pos_w", "*attn_rel_b",
     "*e_score_correction_bias", "*exp_probs_b",
     // Heads.
     "*_head", "*seq_relationship", "*transformer.ff_out", "*decoder.output_projection",
     "*language_model.output",
     // Norms. A module with one of these names may contain an attention.
     "*norm", "*norm?", "*norm_?", "*Norm", "*layernorm_embedding"});

/// Modules that stay dense with all that they contain.
inline constexpr auto dense_families = std::to_array<std::string_view>(
    {"*patch_embed*", "*patch_embd*", "*pos_embed*", "*router*", "*_gate_inp*", "*gate_network*",
     "*lm_head*", "*contact_head*", "*score_head*", "*classifier*", "*classification_head*",
     "*pooler*", "*_predictions.*", "*cls.predictions.*", "*pred_layer*", "cls.*"});

}  // namespace detail

/// Returns the patterns that plan_options excludes by default: embeddings, heads, norms, routers
/// and tables of biases, by their names at Hugging Face, in GGUF and in the authors' own code.
/// Names may end with ".weight", and stand at the top level or below others. The layers of
/// attention and feed-forward networks, experts, connectors and vision towers match none of them.
///
/// "output" and "decoder" are heads at the top level only ("output" of Llama, InternLM2 and GGUF;
/// "decoder" of ModernBERT).
inline std::vector<std::string> usual_exclusions() {
  std::vector<std::string> patterns;
  const auto add = [&](std::string name) {
    patterns.push_back(name + ".weight");
    patterns.push_back(std::move(name));
  };
  for (const std::string_view name : detail::dense_modules) {
    add(std::string(name));
    add("*." + std::string(name));
  }
  for (const std::string_view name : {"output", "model.output", "output_projection", "decoder"})
    add(std::string(name));
  for (const std::string_view name : detail::dense_endings) add(std::string(name));
  patterns.insert(patterns.end(), detail::dense_families.begin(), detail::dense_families.end());
  return patterns;
}

}  // namespace tamp::inline TAMP_FLAGS
