#include "load_safetensors.hpp"

#include <nlohmann/json.hpp>
#include <tamp/io/safetensors.hpp>

#include "json_fields.hpp"
#include "json_metadata.hpp"

namespace llama {
namespace {

/// The configuration in the words of Hugging Face's LlamaConfig, and of tiny_mllm or video_mllm
/// for the pictures.
config config_from_json(const json_fields& json) {
  config c;
  c.hidden = json.get<Index>("hidden_size");
  c.layers = json.get<Index>("num_hidden_layers");
  c.heads = json.get<Index>("num_attention_heads");
  c.kv_heads = json.get<Index>("num_key_value_heads");
  c.head_dim = json.get<Index>("head_dim");
  c.ffn = json.get<Index>("intermediate_size");
  c.vocabulary = json.get<Index>("vocab_size");
  c.positions = json.get<Index>("max_position_embeddings");
  c.rms_epsilon = json.get<float>("rms_norm_eps");
  c.rope_theta = json.get<double>("rope_theta");
  c.tied_head = json.get<bool>("tie_word_embeddings");
  if (json.has("patch_size"))
    c.vision = vision{json.has("max_patches_a_side") ? 0 : json.get<Index>("image_size"),
                      json.get<Index>("patch_size"),
                      json.get<int>("bos_token_id"),
                      json.get<int>("image_token_id"),
                      json.get<int>("image_end_token_id"),
                      json.get<int>("answer_token_id"),
                      json.get<Index>("max_patches_a_side", 0),
                      json.get<Index>("max_frames", 1)};
  return c;
}

}  // namespace

model load_safetensors(const std::string& path) {
  const tamp::io::safetensors_file file(path);
  const auto read = [&](const std::string& name, Index rows, Index cols) {
    return read_matrix(file, path, name, rows, cols);
  };
  const nlohmann::json configuration = json_metadata(file, path, "config");
  return assemble(config_from_json({configuration, path + ": the configuration"}), read);
}

}  // namespace llama
