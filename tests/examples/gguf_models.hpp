#pragma once

// GGUF files of the engine's models, written as the format's description says.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <llama/model.hpp>
#include <string>
#include <vector>

#include "../io/files.hpp"

namespace support {

/// The tiny models of tests/engine/make_logits.py.
inline llama::config config_of(const std::string& architecture) {
  llama::config c;
  c.hidden = 32;
  c.layers = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 8;
  c.ffn = 48;
  c.vocabulary = 20;
  c.positions = 128;
  c.rope_theta = architecture == "llama" ? 1e4 : 1e6;
  c.tied_head = architecture == "qwen2" || architecture == "gemma3";
  c.biases = architecture == "qwen2";
  c.head_norms = architecture == "qwen3" || architecture == "gemma3";
  if (architecture == "qwen3") c.head_dim = 12;
  if (architecture == "gemma3") {
    c.layers = 7;
    c.head_dim = 16;
    c.output_norms = true;
    c.activation = llama::activation::gelu;
    c.embedding_scale = std::sqrt(32.0f);
    c.window = llama::sliding_window{5, 6};
  }
  return c;
}

/// Between -1/2 and 1/2: FNV-1a of the name, then MurmurHash3's mixing of it plus the place.
inline llama::matrix hashed_numbers(const std::string& name, llama::Index rows, llama::Index cols) {
  std::uint32_t seed = 2166136261u;
  for (const char byte : name) seed = (seed ^ static_cast<unsigned char>(byte)) * 16777619u;
  llama::matrix w(rows, cols);
  for (llama::Index k = 0; k < w.size(); ++k) {
    std::uint32_t x = seed + std::uint32_t(k);
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    x ^= x >> 16;
    w.data()[k] = (float(x >> 8) - 8388608.0f) / 16777216.0f;
  }
  return w;
}

inline llama::model model_of(const std::string& architecture) {
  return llama::assemble(config_of(architecture),
                         [](const std::string& name, llama::Index rows, llama::Index cols) {
                           llama::matrix w = hashed_numbers(name, rows, cols);
                           if (name.find("norm") != std::string::npos) w.array() += 1.0f;
                           return w;
                         });
}

/// A GGUF file of float tensors.
class gguf_writer {
 public:
  void add(const std::string& key, std::uint32_t value) { entry(key, 4) += bytes_of(value); }
  void add(const std::string& key, float value) { entry(key, 6) += bytes_of(value); }
  void add(const std::string& key, bool value) { entry(key, 7) += char(value); }
  void add(const std::string& key, const std::string& value) { entry(key, 8) += text(value); }
  void add(const std::string& key, const std::vector<std::string>& values) {
    std::string& out = array(key, 8, values.size());
    for (const auto& value : values) out += text(value);
  }
  void add(const std::string& key, const std::vector<float>& values) {
    std::string& out = array(key, 6, values.size());
    for (const float value : values) out += bytes_of(value);
  }
  void add(const std::string& key, const std::vector<std::int32_t>& values) {
    std::string& out = array(key, 5, values.size());
    for (const std::int32_t value : values) out += bytes_of(value);
  }
  /// Nothing for an empty one.
  void add_tensor(const std::string& name, const llama::matrix& values) {
    if (values.size() == 0) return;
    ++tensors_;
    infos_ += text(name);
    if (values.rows() == 1)
      infos_ += bytes_of(std::uint32_t(1)) + bytes_of(std::uint64_t(values.cols()));
    else
      infos_ += bytes_of(std::uint32_t(2)) + bytes_of(std::uint64_t(values.cols())) +
                bytes_of(std::uint64_t(values.rows()));
    infos_ += bytes_of(std::uint32_t(0)) + bytes_of(std::uint64_t(data_.size()));
    for (llama::Index i = 0; i < values.size(); ++i) data_ += bytes_of(values.data()[i]);
    data_.resize((data_.size() + 31) / 32 * 32);
  }
  std::string bytes() const {
    std::string file = "GGUF" + bytes_of(std::uint32_t(3)) + bytes_of(tensors_) +
                       bytes_of(entries_) + metadata_ + infos_;
    file.resize((file.size() + 31) / 32 * 32);
    return file + data_;
  }

 private:
  static std::string text(const std::string& value) {
    return bytes_of(std::uint64_t(value.size())) + value;
  }
  std::string& entry(const std::string& key, std::uint32_t type) {
    ++entries_;
    return metadata_ += text(key) + bytes_of(type);
  }
  std::string& array(const std::string& key, std::uint32_t type, std::size_t size) {
    return entry(key, 9) += bytes_of(type) + bytes_of(std::uint64_t(size));
  }

  std::uint64_t tensors_ = 0, entries_ = 0;
  std::string metadata_, infos_, data_;
};

/// (heads, 2, head_dim / 2, in) becomes (heads, head_dim / 2, 2, in).
inline llama::matrix interleaved(const llama::matrix& weight, llama::Index head_dim) {
  llama::matrix w = weight;
  const llama::Index half = head_dim / 2;
  llama::Index to = 0;
  for (llama::Index head = 0; head < w.rows() / head_dim; ++head)
    for (llama::Index pair = 0; pair < half; ++pair)
      for (llama::Index side = 0; side < 2; ++side)
        w.row(to++) = weight.row(head * head_dim + side * half + pair);
  return w;
}

/// Of a model, without a tokenizer.
inline gguf_writer gguf_of(const llama::model& m, const std::string& architecture = "llama") {
  const llama::config& c = m.config;
  gguf_writer out;
  const auto key = [&](const char* name) { return architecture + '.' + name; };
  const auto count = [&](const char* name, llama::Index value) {
    out.add(key(name), std::uint32_t(value));
  };
  out.add("general.architecture", architecture);
  count("embedding_length", c.hidden);
  count("block_count", c.layers);
  count("attention.head_count", c.heads);
  count("attention.head_count_kv", c.kv_heads);
  if (architecture == "llama") {
    count("rope.dimension_count", c.head_dim);
  } else {
    count("attention.key_length", c.head_dim);
    count("attention.value_length", c.head_dim);
  }
  count("feed_forward_length", c.ffn);
  count("context_length", c.positions);
  out.add(key("attention.layer_norm_rms_epsilon"), c.rms_epsilon);
  out.add(key("rope.freq_base"), float(c.rope_theta));
  if (c.window) count("attention.sliding_window", c.window->tokens);
  const char* names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                         "ffn_gate", "ffn_up", "ffn_down"};
  out.add_tensor("token_embd.weight", m.ends->embedding);
  out.add_tensor("output_norm.weight", m.ends->norm);
  out.add_tensor("output.weight", m.ends->untied_head);
  out.add_tensor("rope_freqs.weight", c.rope_divisors);
  for (std::size_t b = 0; b < m.blocks.size(); ++b) {
    const llama::block& block = m.blocks[b];
    const std::string prefix = std::string("blk.").append(std::to_string(b)) + ".";
    out.add_tensor(prefix + "attn_norm.weight", block.attention_norm);
    out.add_tensor(prefix + "ffn_norm.weight", block.ffn_norm);
    out.add_tensor(prefix + "post_attention_norm.weight", block.attention_output_norm);
    out.add_tensor(prefix + "post_ffw_norm.weight", block.ffn_output_norm);
    out.add_tensor(prefix + "attn_q_norm.weight", block.query_norm);
    out.add_tensor(prefix + "attn_k_norm.weight", block.key_norm);
    for (std::size_t l = 0; l < block.biases.size(); ++l)
      out.add_tensor(prefix + names[l] + ".bias", block.biases[l]);
    for (std::size_t l = 0; l < block.weights.size(); ++l) {
      const bool turns = l == llama::q_proj || l == llama::k_proj;
      out.add_tensor(prefix + names[l] + ".weight", turns && architecture == "llama"
                                                        ? interleaved(block.weights[l], c.head_dim)
                                                        : block.weights[l]);
    }
  }
  return out;
}

/// Adds a tokenizer of three tokens.
inline gguf_writer with_tokens(gguf_writer out) {
  out.add("tokenizer.ggml.model", std::string("gpt2"));
  out.add("tokenizer.ggml.pre", std::string("smollm"));
  out.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "ab"});
  out.add("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  return out;
}

}  // namespace support
