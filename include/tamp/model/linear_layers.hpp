#pragma once

/// @file
/// The linear layers of a model, by the names of their weights in files.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The last part of the names of linear modules in a block: attention, feed-forward networks and
/// experts.
inline constexpr auto linear_modules = std::to_array<std::string_view>(
    {// Hugging Face: attention.
     "q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "qkv_proj", "kv_proj", "query_proj",
     "key_proj", "value_proj", "pos_query_proj", "pos_key_proj", "query_global", "key_global",
     "value_global", "linear_q", "linear_k", "linear_v", "linear_out", "q_a_proj", "q_b_proj",
     "kv_a_proj_with_mqa", "kv_b_proj", "query_key_value", "query", "key", "value", "q", "k", "v",
     "o", "qkv", "proj", "projection", "c_attn", "q_attn", "q_lin", "k_lin", "v_lin", "out_lin",
     "Wqkv", "Wo", "in_proj_weight",
     // Feed-forward networks and experts. "dense" and "c_proj" also end attentions.
     "gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "linear_fc1", "linear_fc2",
     "fc_in", "fc_out", "c_fc", "c_proj", "dense", "dense1", "dense2", "dense_h_to_4h",
     "dense_4h_to_h", "intermediate_dense", "output_dense", "wi", "wi_0", "wi_1", "wo", "w1", "w2",
     "w3", "lin1", "lin2", "linear1", "linear2", "Wi", "ffn", "ffn_output", "input_linear",
     "output_linear",
     // GGUF: attention.
     "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "attn_out", "attn_q_a", "attn_q_b",
     "attn_kv_a_mqa", "attn_kv_b", "attn_k_b", "attn_v_b", "cross_attn_q", "cross_attn_k",
     "cross_attn_v", "cross_attn_o", "attn_o",
     // Feed-forward networks and experts.
     "ffn_gate", "ffn_up", "ffn_down", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps",
     "ffn_gate_up_exps", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"});

/// The layers of experts whose outputs are added to the block's features. All others read these
/// features.
inline constexpr auto last_modules_of_experts = std::to_array<std::string_view>(
    {"down_proj", "fc2", "linear_fc2", "w2", "wo", "output_linear", "ffn_down_exps"});

/// The last part of a module's name.
constexpr std::string_view last_part(std::string_view module) {
  return module.substr(module.rfind('.') + 1);
}

}  // namespace detail

/// The place of a weight in a model: "model.layers.11.self_attn.q_proj.weight" belongs to the
/// module "self_attn.q_proj" of block 11 of the stack "model.layers".
struct block_place {
  std::string_view stack;
  std::size_t block = 0;
  std::string_view module;

  friend bool operator==(const block_place&, const block_place&) = default;
};

/// Returns the place of the weight of that name: the first part of the name that is a number is
/// that of the block. Returns nothing for a name without such a part, and for biases. The parts
/// refer to `name`.
inline std::optional<block_place> block_place_of(std::string_view name) {
  if (name.ends_with(".bias")) return std::nullopt;
  for (std::size_t begin = name.find('.'); begin != std::string_view::npos;
       begin = name.find('.', begin + 1)) {
    const std::string_view rest = name.substr(begin + 1);
    const std::string_view part = rest.substr(0, rest.find('.'));
    block_place place{name.substr(0, begin), 0,
                      rest.substr((std::min)(part.size() + 1, rest.size()))};
    const auto [end, problem] =
        std::from_chars(part.data(), part.data() + part.size(), place.block);
    if (problem != std::errc{} || end != part.data() + part.size()) continue;
    constexpr std::string_view weight = ".weight";
    if (place.module.ends_with(weight)) place.module.remove_suffix(weight.size());
    return place;
  }
  return std::nullopt;
}

/// Returns the place of a weight that is a linear layer of attention, of a feed-forward network or
/// of an expert, as its name says at Hugging Face or in GGUF files. Returns nothing for all else:
/// embeddings, heads, norms, routers and what no known model has. docs/guide/prune_files.md lists
/// the models.
inline std::optional<block_place> linear_layer_of(std::string_view name) {
  const auto place = block_place_of(name);
  if (!place) return std::nullopt;
  const std::string_view last = detail::last_part(place->module);
  const bool is_known = std::find(detail::linear_modules.begin(), detail::linear_modules.end(),
                                  last) != detail::linear_modules.end();
  return is_known ? place : std::nullopt;
}

/// The layout of a linear layer of each expert in one tensor of three dimensions: (experts,
/// out_features, in_features), or (experts, in_features, out_features).
enum class expert_layout { out_in, in_out };

/// Returns the layout of the tensor (experts, first, second) of that name. `hidden` is the number
/// of features that a block passes on, which are the columns of its router. They are the inputs of
/// a layer, or the outputs of down_proj and its like. Returns nothing if the shape does not decide:
/// if neither number is `hidden`, if both are, or if the name is no linear layer's.
inline std::optional<expert_layout> expert_layout_of(std::string_view name, std::size_t first,
                                                     std::size_t second, std::size_t hidden) {
  const auto place = linear_layer_of(name);
  if (!place || (first == hidden) == (second == hidden)) return std::nullopt;
  const auto& last = detail::last_modules_of_experts;
  const bool leads_back =
      std::find(last.begin(), last.end(), detail::last_part(place->module)) != last.end();
  return (first == hidden) == leads_back ? expert_layout::out_in : expert_layout::in_out;
}

}  // namespace tamp::inline TAMP_FLAGS
