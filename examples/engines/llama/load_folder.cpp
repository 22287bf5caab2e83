#include "load_folder.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>
#include <string_view>
#include <tamp/io/safetensors.hpp>

#include "json_fields.hpp"
#include "json_metadata.hpp"
#include "tokenizer_json.hpp"

namespace llama {
namespace {

/// Llama 3.1's divisors of RoPE's frequencies: the slow ones by a factor, the fast ones by 1.
row_vector llama3_divisors(const json_fields& scaling, const config& c) {
  const auto factor = scaling.get<double>("factor"), low = scaling.get<double>("low_freq_factor"),
             high = scaling.get<double>("high_freq_factor"),
             positions = scaling.get<double>("original_max_position_embeddings");
  row_vector divisors(c.head_dim / 2);
  for (Index i = 0; i < divisors.size(); ++i) {
    const double wave =
        2 * std::numbers::pi * std::pow(c.rope_theta, 2.0 * double(i) / double(c.head_dim));
    const double share = std::clamp((positions / wave - low) / (high - low), 0.0, 1.0);
    divisors(i) = float(1 / ((1 - share) / factor + share));
  }
  return divisors;
}

row_vector divisors_of(const json_fields& object, const config& c) {
  if (!object.has("rope_scaling")) return {};
  const json_fields scaling = object.object("rope_scaling");
  const auto kind =
      scaling.get<std::string>("rope_type", scaling.get<std::string>("type", "default"));
  if (kind == "default") return {};
  if (kind == "linear") return row_vector::Constant(c.head_dim / 2, scaling.get<float>("factor"));
  if (kind == "llama3") return llama3_divisors(scaling, c);
  fail(object.place(), " scales RoPE as '", kind, "', this engine knows 'linear' and 'llama3'");
}

/// The differences of gemma 3 from LLaMA.
void configure_gemma3(const json_fields& object, config& c) {
  c.head_norms = c.output_norms = true;
  c.embedding_scale = std::sqrt(float(c.hidden));
  c.attention_scale = 1.0f / std::sqrt(object.get<float>("query_pre_attn_scalar"));
  c.window = sliding_window{object.get<Index>("sliding_window"),
                            object.get<Index>("sliding_window_pattern", 6),
                            object.get<double>("rope_local_base_freq", 10000.0)};
  check(c);
  if (!object.has("layer_types")) return;
  const nlohmann::json& types = object.at("layer_types");
  if (!types.is_array() || Index(types.size()) != c.layers)
    fail(object.place(), " has no list 'layer_types' of ", c.layers, " layers");
  for (Index l = 0; l < c.layers; ++l)
    if ((types[std::size_t(l)] == "sliding_attention") != (c.window_of(l) != 0))
      fail(object.place(), " does not give every ", c.window->period,
           "th layer full attention and the others a sliding window, as this engine does");
}

void refuse_what_is_not_run(const json_fields& object) {
  if (object.has("rope_parameters"))
    fail(object.place(),
         " has 'rope_parameters', this engine knows 'rope_theta' and 'rope_scaling'");
  const bool is_llama = object.get<std::string>("model_type") == "llama";
  for (const char* key :
       {"attention_bias", "mlp_bias", "use_sliding_window", "use_bidirectional_attention"})
    if (!(is_llama && std::string_view(key).ends_with("_bias")) && object.get<bool>(key, false))
      fail(object.place(), " sets '", key, "', which this engine does not know");
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (object.has(key))
      fail(object.place(), " bends its logits ('", key, "'), which this engine does not");
}

config config_of(const json_fields& object) {
  const std::string& path = object.place();
  const auto type = object.get<std::string>("model_type");
  const bool is_gemma = type == "gemma3_text";
  if (type != "llama" && type != "qwen2" && type != "qwen3" && !is_gemma)
    fail(path, " is of the type '", type,
         "', this engine knows 'llama', 'qwen2', 'qwen3' and 'gemma3_text'");
  refuse_what_is_not_run(object);
  config c;
  c.hidden = object.get<Index>("hidden_size");
  c.layers = object.get<Index>("num_hidden_layers");
  c.heads = object.get<Index>("num_attention_heads");
  c.kv_heads = object.get("num_key_value_heads", c.heads);
  c.head_dim = object.get<Index>("head_dim", c.heads <= 0 ? 0 : c.hidden / c.heads);
  c.ffn = object.get<Index>("intermediate_size");
  c.vocabulary = object.get<Index>("vocab_size");
  c.positions = object.get<Index>("max_position_embeddings");
  c.rms_epsilon = object.get<float>("rms_norm_eps");
  c.rope_theta = object.get("rope_theta", is_gemma ? 1e6 : 1e4);
  c.tied_head = object.get("tie_word_embeddings", is_gemma);
  c.biases = type == "qwen2" || (type == "llama" && object.get("attention_bias", false));
  c.output_bias = c.biases && type == "llama";
  c.gate_biases = c.down_bias = type == "llama" && object.get("mlp_bias", false);
  c.head_norms = type == "qwen3";
  const auto bend =
      object.get<std::string>("hidden_activation", object.get<std::string>("hidden_act", "silu"));
  c.activation = bend == "silu" ? activation::silu : activation::gelu;
  if (bend != "silu" && bend != "gelu_pytorch_tanh")
    fail(path, " bends the gate by '", bend, "', this engine knows 'silu' and 'gelu_pytorch_tanh'");
  check(c);
  if (is_gemma) configure_gemma3(object, c);
  c.rope_divisors = divisors_of(object, c);
  return c;
}

/// The tensors of some files, each read once.
class shards {
 public:
  shards(const std::string& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      paths_.push_back(folder + '/' + name);
      files_.push_back(std::make_unique<tamp::io::safetensors_file>(paths_.back()));
      for (const auto& tensor : files_.back()->tensors()) {
        file_of_[tensor.name] = files_.size() - 1;
        // Older files have RoPE's frequencies, which follow from the configuration.
        if (!tensor.name.ends_with(".rotary_emb.inv_freq")) unread_.insert(tensor.name);
      }
    }
  }
  matrix read(const std::string& folder, const std::string& name, Index rows, Index cols) {
    const auto found = file_of_.find(name);
    if (found == file_of_.end()) fail(folder, " has no tensor '", name, "'");
    unread_.erase(name);
    return read_matrix(*files_[found->second], paths_[found->second], name, rows, cols);
  }
  void forget(const std::string& name) { unread_.erase(name); }
  const std::set<std::string>& unread() const { return unread_; }

 private:
  std::vector<std::string> paths_;
  std::vector<std::unique_ptr<tamp::io::safetensors_file>> files_;
  std::map<std::string, std::size_t> file_of_;
  std::set<std::string> unread_;
};

}  // namespace

config read_config(const std::string& path) {
  const nlohmann::json document = json_file(path);
  return config_of({document, path});
}

language_model load_folder(const std::string& folder, const std::vector<std::string>& weights) {
  const config c = read_config(folder + "/config.json");
  tokenizer words = read_tokenizer(folder + "/tokenizer.json");
  shards files(folder, weights);
  // The norms of gemma are stored as what is added to 1.
  const float one = c.output_norms ? 1.0f : 0.0f;
  model m = assemble(c, [&](const std::string& name, Index rows, Index cols) {
    matrix w = files.read(folder, name, rows, cols);
    if (name.ends_with("norm.weight")) w.array() += one;
    return w;
  });
  if (c.tied_head) files.forget("lm_head.weight");
  // Without them it would be another model.
  if (!files.unread().empty())
    fail(folder, " holds tensors that this engine does not know, such as '",
         *files.unread().begin(), "'");
  return {std::move(m), std::move(words)};
}

}  // namespace llama
