#pragma once

// Folders as Hugging Face has them, of the engine's models.

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <llama/model.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tamp/io/safetensors.hpp>
#include <vector>

namespace support {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// config.json as transformers writes it.
inline nlohmann::json config_json(const llama::config& c, const std::string& architecture) {
  nlohmann::json json{{"model_type", architecture == "gemma3" ? "gemma3_text" : architecture},
                      {"hidden_size", c.hidden},
                      {"num_hidden_layers", c.layers},
                      {"num_attention_heads", c.heads},
                      {"num_key_value_heads", c.kv_heads},
                      {"intermediate_size", c.ffn},
                      {"vocab_size", c.vocabulary},
                      {"max_position_embeddings", c.positions},
                      {"rms_norm_eps", c.rms_epsilon},
                      {"rope_theta", c.rope_theta},
                      {"rope_scaling", nullptr},
                      {"tie_word_embeddings", c.tied_head},
                      {"hidden_act", "silu"}};
  if (architecture == "qwen3" || architecture == "gemma3") json["head_dim"] = c.head_dim;
  if (!c.window) return json;
  json.erase("hidden_act");
  json["hidden_activation"] = "gelu_pytorch_tanh";
  json["query_pre_attn_scalar"] = c.head_dim;
  json["sliding_window"] = c.window->tokens;
  json["rope_local_base_freq"] = c.window->rope_theta;
  json["final_logit_softcapping"] = nullptr;
  return json;
}

/// All tensors of a model by their Hugging Face names. Norms of gemma lack the 1.
inline std::map<std::string, llama::matrix> named_tensors(const llama::model& m) {
  const llama::config& c = m.config;
  const float one = c.output_norms ? 1.0f : 0.0f;
  std::map<std::string, llama::matrix> named{{"model.embed_tokens.weight", m.ends->embedding},
                                             {"model.norm.weight", m.ends->norm}};
  named["model.norm.weight"].array() -= one;
  if (!c.tied_head) named["lm_head.weight"] = m.ends->untied_head;
  for (llama::Index b = 0; b < c.layers; ++b) {
    const llama::block& block = m.blocks[std::size_t(b)];
    llama::for_each_vector(c, block, [&](auto part, auto ending, const auto& vector, auto) {
      llama::matrix& w = named[llama::weight_name(b, part, ending)] = vector;
      if (std::string_view(part).ends_with("norm")) w.array() -= one;
    });
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
      named[llama::weight_name(b, llama::layer_names[l])] = block.weights[l];
  }
  return named;
}

/// The tokenizer of with_tokens.
inline nlohmann::json three_tokens() {
  return nlohmann::json::parse(R"({
    "added_tokens": [],
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}})");
}

/// Writes a folder of two shards, and returns their names.
inline std::vector<std::string> write_folder(const std::filesystem::path& path,
                                             const std::map<std::string, llama::matrix>& tensors,
                                             const nlohmann::json& config,
                                             const nlohmann::json& tokenizer = three_tokens()) {
  std::filesystem::create_directories(path);
  write_text(path / "config.json", config.dump(2));
  write_text(path / "tokenizer.json", tokenizer.dump(2));
  const std::vector<std::string> names{"a.safetensors", "b.safetensors"};
  nlohmann::json map = nlohmann::json::object();
  for (std::size_t shard = 0; shard < 2; ++shard) {
    std::vector<tamp::io::declaration> declared;
    std::size_t k = 0;
    for (const auto& [name, w] : tensors) {
      if (k++ % 2 != shard) continue;
      const auto rows = std::size_t(w.rows()), cols = std::size_t(w.cols());
      // A tensor of one row is a vector.
      declared.push_back(
          {name, tamp::io::dtype::f32, rows == 1 ? std::vector{cols} : std::vector{rows, cols}});
      map[name] = names[shard];
    }
    tamp::io::safetensors_writer out(path / names[shard], declared);
    for (const auto& d : declared) {
      const llama::matrix& w = tensors.at(d.name);
      out.write<float>(d.name, std::span(w.data(), std::size_t(w.size())));
    }
    out.commit();
  }
  write_text(path / "model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  return names;
}

}  // namespace support
