#include "smaller_folder.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/detail/replaced_file.hpp>
#include <tamp/io/detail/strict_json.hpp>
#include <tamp/io/dtype.hpp>
#include <tamp/io/safetensors_listing.hpp>
#include <tamp/io/safetensors_writer.hpp>
#include <utility>

#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using json = nlohmann::ordered_json;
using tamp::detail::sentence;

constexpr const char* config_file = "config.json";

template <class... Parts>
[[noreturn]] void refuse_config_for(std::string_view option, const Parts&... parts) {
  throw tamp::value_error(sentence(option, ": config.json ", parts...));
}
template <class... Parts>
[[noreturn]] void refuse_config(const Parts&... parts) {
  refuse_config_for("--structure", parts...);
}

// The part that describes the decoder: of a model with images, that of its text.
template <class Json>
Json& decoder_of(Json& config, std::string_view option = "--structure") {
  if (config.contains("num_hidden_layers")) return config;
  for (const char* part : {"text_config", "llm_config", "language_config"})
    if (config.contains(part) && config[part].is_object() &&
        config[part].contains("num_hidden_layers"))
      return config[part];
  refuse_config_for(option, "has no num_hidden_layers");
}

std::size_t number_in(const json& config, std::string_view key, std::size_t otherwise = 0,
                      std::string_view option = "--structure") {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return otherwise;
  if (!found->is_number_integer() || *found < 0)
    refuse_config_for(option, "has a ", key, " of ", found->dump(), ", which is no number");
  return found->get<std::size_t>();
}

// The first of several keys, by which configurations call one number, that is there.
const char* key_among(const json& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (config.contains(key) && !config[key].is_null()) return key;
  return nullptr;
}

// The model_type, or an empty string if the configuration has none.
std::string model_type_of(const json& config, std::string_view option = "--structure") {
  const auto found = config.find("model_type");
  if (found == config.end() || found->is_null()) return "";
  if (!found->is_string())
    refuse_config_for(option, "has a model_type of ", found->dump(), ", which is no text");
  return found->get<std::string>();
}

bool is_true(const json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_boolean() && found->get<bool>();
}

// Lists with an entry for each layer lose those of the layers that leave.
void drop_layers(json& config, const structure_change& change) {
  const bool says_types = config.contains("layer_types") && config["layer_types"].is_array();
  struct rule {
    const char* key;
    std::size_t harmless;
  };
  constexpr std::array<rule, 7> by_place{{{"decoder_sparse_step", 1},
                                          {"first_k_dense_replace", 0},
                                          {"interleave_moe_layer_step", 1},
                                          {"moe_layer_freq", 1},
                                          {"num_kv_shared_layers", 0},
                                          {"no_rope_layer_interval", 0},
                                          {"full_attention_interval", 0}}};
  for (const auto& [key, harmless] : by_place)
    if (config.contains(key) && config[key].is_number() && config[key] != harmless)
      refuse_config("says by ", key, " = ", config[key].dump(),
                    " what a layer is from its number, and layers that leave change the numbers");
  for (const char* key : {"sliding_window_pattern", "_sliding_window_pattern"})
    if (config.contains(key) && config[key].is_number() && !says_types)
      refuse_config("says by ", key,
                    " which layers see a window, and layers that leave change the ", "numbers");
  if (is_true(config, "use_sliding_window") && !says_types)
    refuse_config(
        "says by max_window_layers which layers see a window, and layers that leave change "
        "the numbers");
  for (auto& [key, value] : config.items()) {
    if (!value.is_array() || key.find("layer") == key.npos || value.empty()) continue;
    if (value.size() != change.layers_before)
      refuse_config("has a list ", key, " of ", value.size(), " for ", change.layers_before,
                    " layers, and tamp does not know what becomes of it");
    json kept = json::array();
    for (const std::size_t n : change.layers) kept.push_back(value[n]);
    value = std::move(kept);
  }
  config["num_hidden_layers"] = change.layers.size();
}

json read_json(const fs::path& path) {
  const tamp::detail::mapped_file file(path);
  static_cast<void>(
      tamp::detail::parse_object(file.text(), 32, path.string(), "the configuration"));
  return json::parse(file.text());
}
void write_json(const fs::path& path, const json& content) {
  tamp::detail::replaced_file file(path);
  file.open(content.dump(2) + '\n');
  file.commit();
}

// Returns the bytes of the tensors, or nothing if it was stopped.
std::optional<std::uint64_t> write_weights(const fs::path& path, const model_files& model,
                                           std::size_t file,
                                           const std::vector<smaller_tensor>& tensors,
                                           const std::function<bool()>& is_stopped) {
  std::vector<tamp::io::declaration> declared;
  std::uint64_t bytes = 0;
  for (const smaller_tensor& t : tensors)
    if (t.file == file) {
      declared.push_back({t.name, tamp::io::detail::entry(t.type).type, t.shape});
      bytes += length_of(t, model);
    }
  const tamp::io::safetensors_listing source(model.path_of(file));
  tamp::io::safetensors_writer out(path, declared, source.metadata());
  const file_weights weights(model);
  for (const smaller_tensor& t : tensors) {
    if (t.file != file) continue;
    if (is_stopped()) return std::nullopt;
    out.write_bytes(t.name, bytes_of(t, model, weights));
  }
  out.commit();
  return bytes;
}

}  // namespace

model_numbers numbers_of_config(const json& whole, std::string_view option) {
  const json& config = decoder_of(whole, option);
  if (whole.contains("quantization_config") || config.contains("quantization_config"))
    refuse_config_for(option, "has a quantization_config, and the parts of quantised weights are ",
                      "not known");
  const auto number = [&](std::string_view key, std::size_t otherwise = 0) {
    return number_in(config, key, otherwise, option);
  };
  model_numbers numbers;
  numbers.layers = number("num_hidden_layers");
  numbers.heads = number("num_attention_heads");
  numbers.kv_heads = number("num_key_value_heads", numbers.heads);
  const std::size_t hidden = number("hidden_size");
  numbers.head_dim = number("head_dim", numbers.heads == 0 ? 0 : hidden / numbers.heads);
  if (const char* key = key_among(config, {"num_experts_per_tok", "moe_topk", "top_k_experts"}))
    numbers.experts_used = number(key);
  numbers.expert_groups = std::max<std::size_t>(number("n_group", 1), 1);
  numbers.expert_groups_used = std::max<std::size_t>(number("topk_group", 1), 1);
  numbers.is_fused_in_order = model_type_of(config, option) == "phi3";
  return numbers;
}

json changed_config(json whole, const structure_change& change, bool adds_biases) {
  json& config = decoder_of(whole);
  const auto for_all = [](const std::vector<std::size_t>& numbers, std::string_view what,
                          std::string_view key) {
    return one_for_all(numbers, what, key, "config.json");
  };
  if (!change.ffn.empty()) {
    if (!config.contains("intermediate_size") || !config["intermediate_size"].is_number_integer())
      refuse_config("has no intermediate_size, one number for all layers");
    if (change.ffn.size() != change.layers.size())
      refuse_config("has one intermediate_size for all layers, and ",
                    change.layers.size() - change.ffn.size(), " of them have no neurons to lose");
    config["intermediate_size"] = for_all(change.ffn, "neurons", "intermediate_size");
  }
  if (!change.heads.empty()) {
    constexpr std::array<std::string_view, 15> reads_head_dim{
        "llama",  "mistral",   "mixtral",    "qwen2",     "qwen2_moe",
        "qwen3",  "qwen3_moe", "gemma",      "gemma2",    "gemma3_text",
        "gemma3", "cohere",    "starcoder2", "ministral", "smollm3"};
    const std::string type = model_type_of(config);
    if (!config.contains("head_dim") &&
        std::find(reads_head_dim.begin(), reads_head_dim.end(), type) == reads_head_dim.end())
      refuse_config("is of the type '", type,
                    "', of which tamp does not know that it takes a head_dim beside its heads");
    constexpr std::array<std::string_view, 9> takes_any_heads{"mistral",   "mixtral", "qwen2",
                                                              "qwen2_moe", "qwen3",   "qwen3_moe",
                                                              "ministral", "gemma",   "smollm3"};
    const std::size_t hidden = number_in(config, "hidden_size"), heads = change.heads.front();
    if (hidden % heads != 0 &&
        std::find(takes_any_heads.begin(), takes_any_heads.end(), type) == takes_any_heads.end())
      refuse_config("would have ", heads, " heads beside a hidden_size of ", hidden,
                    ", which transformers refuses of the type '", type,
                    "' unless the one is a multiple of the other");
    config["num_attention_heads"] = for_all(change.heads, "query heads", "num_attention_heads");
    config["num_key_value_heads"] =
        for_all(change.kv_heads, "key and value heads", "num_key_value_heads");
    config["head_dim"] = change.head_dim;
  }
  if (!change.experts.empty()) {
    const char* key = key_among(config, {"num_experts", "num_local_experts", "n_routed_experts"});
    if (key == nullptr) refuse_config("does not say how many experts there are");
    config[key] = for_all(change.experts, "experts", key);
  }
  if (change.drops_layers()) drop_layers(config, change);
  if (!change.tokens.empty()) cut_configuration(whole, change.tokens_before, change.tokens);
  if (adds_biases) {
    if (!config.contains("model_type") || config["model_type"] != "llama")
      refuse_config(
          "is not of the type 'llama', the only one of which tamp knows how it says that "
          "all layers have biases: leave out --compensate");
    config["attention_bias"] = config["mlp_bias"] = true;
  }
  return whole;
}

json read_config(const model_files& model, std::string_view why) {
  const fs::path path = model.folder / config_file;
  if (!model.is_folder || !fs::exists(path))
    refuse(model.is_folder ? model.folder : model.path_of(0), "has no config.json, which ", why,
           ": give it the folder of a model");
  return read_json(path);
}

bool write_folder(const fs::path& folder, const model_files& model,
                  const std::vector<smaller_tensor>& tensors, const json& config,
                  const changed_files& changed, const std::function<bool()>& is_stopped) {
  std::uint64_t bytes = 0;
  for (std::size_t k = 0; k < model.weights.size(); ++k) {
    fs::create_directories((folder / model.weights[k]).parent_path());
    const auto written = write_weights(folder / model.weights[k], model, k, tensors, is_stopped);
    if (!written) return false;
    bytes += *written;
  }
  for (const fs::path& other : model.others) {
    const auto found = changed.find(other);
    if (found != changed.end() && !found->second) continue;
    const fs::path to = folder / other;
    fs::create_directories(to.parent_path());
    if (other == config_file) {
      write_json(to, config);
    } else if (other == index_name) {
      json index = read_json(model.folder / other), map = json::object();
      for (const smaller_tensor& t : tensors) map[t.name] = model.weights[t.file].string();
      index["weight_map"] = std::move(map);
      if (!index.contains("metadata") || !index["metadata"].is_object())
        index["metadata"] = json::object();
      index["metadata"]["total_size"] = bytes;
      write_json(to, index);
    } else if (found != changed.end()) {
      tamp::detail::replaced_file file(to);
      file.open(*found->second);
      file.commit();
    } else {
      fs::copy_file(model.folder / other, to);
    }
  }
  return !is_stopped();
}

}  // namespace tamp_prune
