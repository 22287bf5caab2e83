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

#include "json_metadata.hpp"
#include "tokenizer_json.hpp"

namespace llama {
namespace {

using json = nlohmann::json;

/// A value that may be missing, or null.
template <class T>
T optional(const json& object, const char* key, T otherwise) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? otherwise : found->get<T>();
}

/// Llama 3.1's divisors of RoPE's frequencies: the slow ones by a factor, the fast ones by 1.
row_vector llama3_divisors(const json& scaling, const config& c) {
  const double factor = scaling.at("factor"), low = scaling.at("low_freq_factor"),
               high = scaling.at("high_freq_factor"),
               positions = scaling.at("original_max_position_embeddings");
  row_vector divisors(c.head_dim / 2);
  for (Index i = 0; i < divisors.size(); ++i) {
    const double wave =
        2 * std::numbers::pi * std::pow(c.rope_theta, 2.0 * double(i) / double(c.head_dim));
    const double share = std::clamp((positions / wave - low) / (high - low), 0.0, 1.0);
    divisors(i) = float(1 / ((1 - share) / factor + share));
  }
  return divisors;
}

row_vector divisors_of(const json& object, const config& c, const std::string& path) {
  const auto scaling = object.find("rope_scaling");
  if (scaling == object.end() || scaling->is_null()) return {};
  const auto kind = optional<std::string>(*scaling, "rope_type",
                                          optional<std::string>(*scaling, "type", "default"));
  if (kind == "default") return {};
  if (kind == "linear")
    return row_vector::Constant(c.head_dim / 2, scaling->at("factor").get<float>());
  if (kind == "llama3") return llama3_divisors(*scaling, c);
  fail(path, " scales RoPE as '", kind, "', this engine knows 'linear' and 'llama3'");
}

/// The differences of gemma 3 from LLaMA.
void configure_gemma3(const json& object, config& c, const std::string& path) {
  c.head_norms = c.output_norms = true;
  c.embedding_scale = std::sqrt(float(c.hidden));
  c.attention_scale = 1.0f / std::sqrt(object.at("query_pre_attn_scalar").get<float>());
  c.window = sliding_window{object.at("sliding_window"),
                            optional<Index>(object, "sliding_window_pattern", 6),
                            optional(object, "rope_local_base_freq", 10000.0)};
  if (const auto types = object.find("layer_types"); types != object.end() && !types->is_null())
    for (Index l = 0; l < c.layers; ++l)
      if ((types->at(std::size_t(l)) == "sliding_attention") != (c.window_of(l) != 0))
        fail(path, " does not give every ", c.window->period,
             "th layer full attention and the others a sliding window, as this engine does");
}

void refuse_what_is_not_run(const json& object, const std::string& path) {
  if (object.contains("rope_parameters"))
    fail(path, " has 'rope_parameters', this engine knows 'rope_theta' and 'rope_scaling'");
  const bool is_llama = object.at("model_type") == "llama";
  for (const char* key :
       {"attention_bias", "mlp_bias", "use_sliding_window", "use_bidirectional_attention"})
    if (!(is_llama && std::string_view(key).ends_with("_bias")) && optional(object, key, false))
      fail(path, " sets '", key, "', which this engine does not know");
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (const auto found = object.find(key); found != object.end() && !found->is_null())
      fail(path, " bends its logits ('", key, "'), which this engine does not");
}

config config_of(const json& object, const std::string& path) {
  const auto type = object.at("model_type").get<std::string>();
  const bool is_gemma = type == "gemma3_text";
  if (type != "llama" && type != "qwen2" && type != "qwen3" && !is_gemma)
    fail(path, " is of the type '", type,
         "', this engine knows 'llama', 'qwen2', 'qwen3' and 'gemma3_text'");
  refuse_what_is_not_run(object, path);
  config c;
  c.hidden = object.at("hidden_size");
  c.layers = object.at("num_hidden_layers");
  c.heads = object.at("num_attention_heads");
  c.kv_heads = optional(object, "num_key_value_heads", c.heads);
  c.head_dim = optional(object, "head_dim", c.heads <= 0 ? 0 : c.hidden / c.heads);
  c.ffn = object.at("intermediate_size");
  c.vocabulary = object.at("vocab_size");
  c.positions = object.at("max_position_embeddings");
  c.rms_epsilon = object.at("rms_norm_eps");
  c.rope_theta = optional(object, "rope_theta", is_gemma ? 1e6 : 1e4);
  c.tied_head = optional(object, "tie_word_embeddings", is_gemma);
  c.biases = type == "qwen2" || (type == "llama" && optional(object, "attention_bias", false));
  c.output_bias = c.biases && type == "llama";
  c.gate_biases = c.down_bias = type == "llama" && optional(object, "mlp_bias", false);
  c.head_norms = type == "qwen3";
  const auto bend = optional<std::string>(object, "hidden_activation",
                                          optional<std::string>(object, "hidden_act", "silu"));
  c.activation = bend == "silu" ? activation::silu : activation::gelu;
  if (bend != "silu" && bend != "gelu_pytorch_tanh")
    fail(path, " bends the gate by '", bend, "', this engine knows 'silu' and 'gelu_pytorch_tanh'");
  if (is_gemma) configure_gemma3(object, c, path);
  check(c);
  c.rope_divisors = divisors_of(object, c, path);
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
  try {
    return config_of(json_file(path), path);
  } catch (const json::exception& problem) {
    fail(path, ": the configuration cannot be read: ", problem.what());
  }
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
