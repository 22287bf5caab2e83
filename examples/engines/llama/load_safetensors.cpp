#include "load_safetensors.hpp"

#include <nlohmann/json.hpp>
#include <tamp/io/safetensors.hpp>

#include "json_metadata.hpp"

namespace llama {
namespace {

/// The configuration in the words of Hugging Face's LlamaConfig, and of tiny_mllm or video_mllm
/// for the pictures.
config config_from_json(const nlohmann::json& json, const std::string& path) {
  config c;
  try {
    c.hidden = json.at("hidden_size");
    c.layers = json.at("num_hidden_layers");
    c.heads = json.at("num_attention_heads");
    c.kv_heads = json.at("num_key_value_heads");
    c.head_dim = json.at("head_dim");
    c.ffn = json.at("intermediate_size");
    c.vocabulary = json.at("vocab_size");
    c.positions = json.at("max_position_embeddings");
    c.rms_epsilon = json.at("rms_norm_eps");
    c.rope_theta = json.at("rope_theta");
    c.tied_head = json.at("tie_word_embeddings");
    if (json.contains("patch_size")) {
      const bool several_sizes = json.contains("max_patches_a_side");
      c.vision = vision{several_sizes ? nlohmann::json(0) : json.at("image_size"),
                        json.at("patch_size"),
                        json.at("bos_token_id"),
                        json.at("image_token_id"),
                        json.at("image_end_token_id"),
                        json.at("answer_token_id"),
                        json.value("max_patches_a_side", Index(0)),
                        json.value("max_frames", Index(1))};
    }
  } catch (const nlohmann::json::exception& problem) {
    fail(path, ": the configuration cannot be read: ", problem.what());
  }
  return c;
}

}  // namespace

model load_safetensors(const std::string& path) {
  const tamp::io::safetensors_file file(path);
  const auto read = [&](const std::string& name, Index rows, Index cols) {
    return read_matrix(file, path, name, rows, cols);
  };
  return assemble(config_from_json(json_metadata(file, path, "config"), path), read);
}

}  // namespace llama
