#include "load_gguf.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <tamp/io/gguf.hpp>
#include <utility>
#include <vector>

namespace llama {

std::string gguf_name(std::string name, bool output_norms) {
  // Hugging Face gives a name of LLaMA's to another norm where there are more of them.
  const std::string_view post_attention = output_norms ? "post_attention_norm" : "ffn_norm";
  const std::pair<std::string_view, std::string_view> renamed[] = {
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"lm_head", "output"},
      {"model.layers", "blk"},
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", post_attention},
      {"pre_feedforward_layernorm", "ffn_norm"},
      {"post_feedforward_layernorm", "post_ffw_norm"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
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

namespace {

/// The place of row `row` of q_proj or k_proj of architecture "llama": it stores the two features
/// that RoPE turns together side by side, not half a head apart.
Index interleaved_row(Index row, Index head_dim) {
  const Index head = row / head_dim, half = row % head_dim / (head_dim / 2);
  const Index pair = row % (head_dim / 2);
  return head * head_dim + 2 * pair + half;
}

/// The metadata of a file. `own` and `count` take keys that begin with its architecture's name, without
/// that name.
class metadata {
 public:
  metadata(const tamp::io::gguf_file& file, std::string path)
      : file_(file),
        path_(std::move(path)),
        architecture_(required<std::string>("general.architecture")) {}

  const std::string& architecture() const { return architecture_; }
  bool has(const std::string& key) const { return file_.has(key); }
  std::string own(const std::string& key) const { return architecture_ + '.' + key; }

  /// The value under `key`; an error that names it where it is missing.
  template <class T>
  T required(const std::string& key) const {
    if (!file_.has(key)) fail(path_, " has no metadata '", key, "'");
    return file_.value<T>(key);
  }
  template <class T>
  T optional(const std::string& key, T otherwise) const {
    return file_.has(key) ? file_.value<T>(key) : otherwise;
  }
  /// One number for each layer: of a list, or the same for all.
  std::vector<Index> counts(const std::string& key, Index layers) const {
    const auto value = own(key);
    std::vector<Index> all;
    if (is_list(value))
      for (const std::uint32_t number : file_.values<std::uint32_t>(value))
        all.push_back(Index(number));
    else
      all.assign(std::size_t(std::clamp<Index>(layers, 1, 65536)), count(key));
    if (is_list(value) && (Index(all.size()) != layers || architecture_ != "deci"))
      fail(path_, " has a list '", value, "' of ", all.size(), " for ", layers,
           " layers, this engine knows such lists of 'deci' alone");
    return all;
  }
  Index count(const std::string& key) const { return Index(required<std::uint32_t>(own(key))); }
  Index count(const std::string& key, Index otherwise) const {
    return file_.has(own(key)) ? count(key) : otherwise;
  }

 private:
  bool is_list(const std::string& key) const {
    if (!file_.has(key)) return false;
    try {
      static_cast<void>(file_.values<std::uint32_t>(key));
      return true;
    } catch (const tamp::file_error&) {
      return false;
    }
  }

  const tamp::io::gguf_file& file_;
  std::string path_, architecture_;
};

/// The divisors of RoPE's frequencies, for texts longer than those of the training.
row_vector rope_divisors(const tamp::io::gguf_file& file, const metadata& data, const config& c,
                         const std::string& path) {
  const auto kind = data.optional<std::string>(data.own("rope.scaling.type"), "none");
  if (file.contains("rope_freqs.weight")) {
    const auto stored = file.tensor("rope_freqs.weight");
    row_vector divisors(Index(stored.cols()));
    stored.read_row(0, std::span<float>(divisors.data(), stored.cols()));
    return divisors;
  }
  if (kind == "linear")
    return row_vector::Constant(c.head_dim / 2,
                                data.required<float>(data.own("rope.scaling.factor")));
  if (kind != "none")
    fail(path, " scales RoPE as '", kind,
         "', this engine knows 'linear' and the tensor 'rope_freqs.weight'");
  return {};
}

/// The differences of gemma 3 from LLaMA.
void configure_gemma3(const metadata& data, config& c) {
  c.activation = activation::gelu;
  c.head_norms = c.output_norms = true;
  c.embedding_scale = std::sqrt(float(c.hidden));
  // Files do not say so, but the model of 27 billion weights, of 62 blocks, scales by another width.
  if (c.layers == 62) c.attention_scale = 1.0f / std::sqrt(float(c.hidden) / float(c.heads));
  c.window = sliding_window{data.count("attention.sliding_window"),
                            data.count("attention.sliding_window_pattern", 6),
                            double(data.optional<float>(data.own("rope.freq_base_swa"), 10000.0f))};
}

config gguf_config(const tamp::io::gguf_file& file, const std::string& path) {
  const metadata data(file, path);
  const std::string& architecture = data.architecture();
  constexpr std::string_view known[] = {"llama", "qwen2", "qwen3", "gemma3", "deci"};
  if (std::find(std::begin(known), std::end(known), architecture) == std::end(known))
    fail(path, " is of architecture '", architecture,
         "', this engine knows 'llama', 'qwen2', 'qwen3', 'gemma3' and 'deci'");
  config c;
  c.hidden = data.count("embedding_length");
  c.layers = data.count("block_count");
  const auto heads = data.counts("attention.head_count", c.layers);
  const auto kv_heads = data.has(data.own("attention.head_count_kv"))
                            ? data.counts("attention.head_count_kv", c.layers)
                            : heads;
  const auto widths = data.counts("feed_forward_length", c.layers);
  c.heads = heads.at(0);
  c.kv_heads = kv_heads.at(0);
  c.ffn = widths.at(0);
  for (std::size_t b = 0; architecture == "deci" && b < heads.size(); ++b)
    c.sizes.push_back({heads[b], kv_heads[b], widths[b]});
  c.head_dim =
      data.count("attention.key_length",
                 data.count("rope.dimension_count", c.hidden / std::max<Index>(c.heads, 1)));
  for (const char* key : {"attention.value_length", "rope.dimension_count"})
    if (const Index width = data.count(key, c.head_dim); width != c.head_dim)
      fail(path, " says '", data.own(key), "' is ", width, ", but a head is ", c.head_dim,
           " wide: this engine knows one width");
  c.positions = data.count("context_length");
  c.rms_epsilon = data.required<float>(data.own("attention.layer_norm_rms_epsilon"));
  c.rope_theta = double(data.optional<float>(data.own("rope.freq_base"), 10000.0f));
  c.rope_divisors = rope_divisors(file, data, c, path);
  c.attention_scale = data.optional<float>(data.own("attention.scale"), 0.0f);
  c.vocabulary = Index(file.tensor(gguf_name("model.embed_tokens.weight")).rows());
  c.tied_head = !file.contains(gguf_name("lm_head.weight"));
  c.biases = architecture == "qwen2";
  c.output_bias = file.contains("blk.0.attn_output.bias");
  c.down_bias = file.contains("blk.0.ffn_down.bias");
  c.head_norms = architecture == "qwen3";
  if (architecture == "gemma3") configure_gemma3(data, c);
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (data.has(data.own(key)))
      fail(path, " bends its logits ('", data.own(key), "'), which this engine does not");
  return c;
}

model gguf_model(const tamp::io::gguf_file& file, const std::string& path) {
  const config c = gguf_config(file, path);
  const auto architecture = file.value<std::string>("general.architecture");
  const bool interleaves = architecture == "llama" || architecture == "deci";
  std::set<std::string> unread;
  for (const auto& tensor : file.tensors()) unread.insert(tensor.name);
  unread.erase("rope_freqs.weight");
  const auto read = [&](const std::string& name, Index rows, Index cols) {
    const std::string theirs = gguf_name(name, c.output_norms);
    if (!file.contains(theirs)) fail(path, " has no tensor '", theirs, "'");
    const auto stored = file.tensor(theirs);
    if (Index(stored.rows()) != rows || Index(stored.cols()) != cols)
      fail(path, ": tensor '", theirs, "' is (", stored.rows(), ", ", stored.cols(),
           "), the configuration asks for (", rows, ", ", cols, ")");
    unread.erase(theirs);
    const bool interleaved =
        interleaves && (theirs.ends_with("attn_q.weight") || theirs.ends_with("attn_k.weight"));
    matrix w(rows, cols);
    for (Index i = 0; i < rows; ++i) {
      const auto row = std::size_t(interleaved ? interleaved_row(i, c.head_dim) : i);
      stored.read_row(row, std::span<float>(w.row(i).data(), std::size_t(cols)));
    }
    return w;
  };
  model m = assemble(c, read);
  // Without them it would be another model.
  if (!unread.empty())
    fail(path, " holds ", unread.size(), " tensors that this engine does not know, '",
         *unread.begin(), "' among them");
  return m;
}

/// The token before a text, where the file wants one; `otherwise` where it does not say.
void read_start(const metadata& data, tokenizer& t, bool otherwise) {
  constexpr const char* token = "tokenizer.ggml.bos_token_id";
  if (data.optional("tokenizer.ggml.add_bos_token", otherwise && data.has(token)))
    t.set_start(int(data.required<std::uint32_t>(token)));
}

tokenizer gguf_tokenizer(const tamp::io::gguf_file& file, const std::string& path) {
  const metadata data(file, path);
  const auto form = data.required<std::string>("tokenizer.ggml.model");
  const auto splitting = data.optional<std::string>("tokenizer.ggml.pre", "default");
  const auto tokens = file.values<std::string>("tokenizer.ggml.tokens");
  std::vector<token_kind> kinds;
  if (data.has("tokenizer.ggml.token_type"))
    for (const auto kind : file.values<std::int32_t>("tokenizer.ggml.token_type"))
      kinds.push_back(static_cast<token_kind>(kind));
  if (form == "llama") {
    tokenizer t(tokens, file.values<float>("tokenizer.ggml.scores"), kinds,
                data.optional("tokenizer.ggml.add_space_prefix", true));
    read_start(data, t, true);
    return t;
  }
  const std::pair<std::string_view, splitter> known[] = {
      {"smollm", split_smollm}, {"qwen2", split_qwen2<1>}, {"llama-bpe", split_qwen2<3>}};
  const auto found =
      std::ranges::find(known, splitting, [](const auto& entry) { return entry.first; });
  if (form != "gpt2" || found == std::end(known))
    fail(path, " has a tokenizer '", form, "' that splits as '", splitting,
         "', this engine knows 'llama', and 'gpt2' with 'smollm', 'qwen2' or 'llama-bpe'");
  tokenizer t(tokens, file.values<std::string>("tokenizer.ggml.merges"), found->second, kinds);
  if (splitting == "llama-bpe") t.prefer_whole_pieces();
  read_start(data, t, splitting == "llama-bpe");
  return t;
}

}  // namespace

language_model load_gguf(const std::string& path) {
  const tamp::io::gguf_file file(path);
  return {gguf_model(file, path), gguf_tokenizer(file, path)};
}

tokenizer load_gguf_tokenizer(const std::string& path) {
  return gguf_tokenizer(tamp::io::gguf_file(path), path);
}

}  // namespace llama
