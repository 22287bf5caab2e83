#include "load_gguf.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tamp/io/gguf.hpp>
#include <utility>

namespace llama {
namespace {

/// What GGUF calls the tensor of a Hugging Face name: "model.layers.3.self_attn.q_proj.weight" is
/// "blk.3.attn_q.weight".
std::string gguf_name(std::string name) {
  constexpr std::pair<std::string_view, std::string_view> renamed[] = {
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"lm_head", "output"},
      {"model.layers", "blk"},
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", "ffn_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"}};
  for (const auto& [ours, theirs] : renamed)
    if (const auto at = name.find(ours); at != std::string::npos)
      name.replace(at, ours.size(), theirs);
  return name;
}

/// Where GGUF keeps row `row` of q_proj or k_proj: it stores the two features that RoPE turns
/// together side by side, not half a head apart.
Index interleaved_row(Index row, Index head_dim) {
  const Index head = row / head_dim, half = row % head_dim / (head_dim / 2);
  const Index pair = row % (head_dim / 2);
  return head * head_dim + 2 * pair + half;
}

/// Metadata under `key`; an error that names it where it is missing.
template <class T>
T gguf_value(const tamp::io::gguf_file& file, const std::string& path, const std::string& key) {
  if (!file.has(key)) fail(path, " has no metadata '", key, "'");
  return file.value<T>(key);
}

config gguf_config(const tamp::io::gguf_file& file, const std::string& path) {
  const auto architecture = gguf_value<std::string>(file, path, "general.architecture");
  if (architecture != "llama")
    fail(path, " is of architecture '", architecture, "', this engine knows 'llama'");
  const auto count = [&](const char* key) {
    return Index(gguf_value<std::uint32_t>(file, path, std::string("llama.") + key));
  };
  config c;
  c.hidden = count("embedding_length");
  c.layers = count("block_count");
  c.heads = count("attention.head_count");
  c.kv_heads =
      file.has("llama.attention.head_count_kv") ? count("attention.head_count_kv") : c.heads;
  c.head_dim = file.has("llama.rope.dimension_count") ? count("rope.dimension_count")
                                                      : c.hidden / std::max<Index>(c.heads, 1);
  c.ffn = count("feed_forward_length");
  c.positions = count("context_length");
  c.rms_epsilon = gguf_value<float>(file, path, "llama.attention.layer_norm_rms_epsilon");
  if (file.has("llama.rope.freq_base"))
    c.rope_theta = double(file.value<float>("llama.rope.freq_base"));
  c.vocabulary = Index(file.tensor(gguf_name("model.embed_tokens.weight")).rows());
  c.tied_head = !file.contains(gguf_name("lm_head.weight"));
  return c;
}

model gguf_model(const tamp::io::gguf_file& file, const std::string& path) {
  const config c = gguf_config(file, path);
  const auto read = [&](const std::string& name, Index rows, Index cols) {
    const std::string theirs = gguf_name(name);
    if (!file.contains(theirs)) fail(path, " has no tensor '", theirs, "'");
    const auto stored = file.tensor(theirs);
    if (Index(stored.rows()) != rows || Index(stored.cols()) != cols)
      fail(path, ": tensor '", theirs, "' is (", stored.rows(), ", ", stored.cols(),
           "), the configuration asks for (", rows, ", ", cols, ")");
    const bool interleaved = theirs.ends_with("attn_q.weight") || theirs.ends_with("attn_k.weight");
    matrix w(rows, cols);
    for (Index i = 0; i < rows; ++i) {
      const auto row = std::size_t(interleaved ? interleaved_row(i, c.head_dim) : i);
      stored.read_row(row, std::span<float>(w.row(i).data(), std::size_t(cols)));
    }
    return w;
  };
  return assemble(c, read);
}

tokenizer gguf_tokenizer(const tamp::io::gguf_file& file, const std::string& path) {
  const auto kind = gguf_value<std::string>(file, path, "tokenizer.ggml.model");
  const auto splitting = gguf_value<std::string>(file, path, "tokenizer.ggml.pre");
  if (kind != "gpt2" || splitting != "smollm")
    fail(path, " has a tokenizer '", kind, "' that splits as '", splitting,
         "', this engine knows 'gpt2' with 'smollm'");
  return tokenizer(file.values<std::string>("tokenizer.ggml.tokens"),
                   file.values<std::string>("tokenizer.ggml.merges"));
}

}  // namespace

language_model load_gguf(const std::string& path) {
  const tamp::io::gguf_file file(path);
  return {gguf_model(file, path), gguf_tokenizer(file, path)};
}

}  // namespace llama
