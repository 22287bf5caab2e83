#pragma once

// GGUF files of the engine's models, written as the format's description says.

#include <cstddef>
#include <cstdint>
#include <llama/model.hpp>
#include <string>
#include <vector>

#include "../io/files.hpp"

namespace support {

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
