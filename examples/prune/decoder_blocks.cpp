#include "decoder_blocks.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/model/linear_layers.hpp>
#include <utility>

namespace tamp_prune {
namespace {

using member = std::string decoder_block::*;

// The module of a block, as Hugging Face or GGUF name it, and where its weight and bias belong.
struct known_module {
  std::string_view name;
  member weight, bias = nullptr;
};
constexpr auto known_modules = std::to_array<known_module>({
    {"self_attn.q_proj", &decoder_block::q, &decoder_block::q_bias},
    {"self_attn.k_proj", &decoder_block::k, &decoder_block::k_bias},
    {"self_attn.v_proj", &decoder_block::v, &decoder_block::v_bias},
    {"self_attn.o_proj", &decoder_block::o, &decoder_block::o_bias},
    {"mlp.gate_proj", &decoder_block::gate, &decoder_block::gate_bias},
    {"mlp.up_proj", &decoder_block::up, &decoder_block::up_bias},
    {"mlp.down_proj", &decoder_block::down, &decoder_block::down_bias},
    {"mlp.gate", &decoder_block::router, &decoder_block::router_bias},
    {"mlp.router", &decoder_block::router, &decoder_block::router_bias},
    {"block_sparse_moe.gate", &decoder_block::router, &decoder_block::router_bias},
    {"attn_q", &decoder_block::q, &decoder_block::q_bias},
    {"attn_k", &decoder_block::k, &decoder_block::k_bias},
    {"attn_v", &decoder_block::v, &decoder_block::v_bias},
    {"attn_output", &decoder_block::o, &decoder_block::o_bias},
    {"ffn_gate", &decoder_block::gate, &decoder_block::gate_bias},
    {"ffn_up", &decoder_block::up, &decoder_block::up_bias},
    {"ffn_down", &decoder_block::down, &decoder_block::down_bias},
    {"ffn_gate_inp", &decoder_block::router, &decoder_block::router_bias},
});

// A name as stack, number and the rest: "model.layers", 3, "self_attn.q_proj.bias".
struct place {
  std::string_view stack;
  std::size_t block;
  std::string_view rest;
};
std::optional<place> place_in(std::string_view name) {
  for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
    const std::string_view behind = name.substr(dot + 1);
    const std::string_view part = behind.substr(0, behind.find('.'));
    std::size_t number = 0;
    const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (problem == std::errc{} && end == part.data() + part.size() && part.size() < behind.size())
      return place{name.substr(0, dot), number, behind.substr(part.size() + 1)};
  }
  return std::nullopt;
}

// The number of the expert in "mlp.experts.5.up_proj.weight".
std::optional<std::size_t> expert_of(std::string_view rest) {
  constexpr std::string_view experts = ".experts.";
  const std::size_t at = rest.find(experts);
  if (at == rest.npos) return std::nullopt;
  const std::string_view behind = rest.substr(at + experts.size());
  std::size_t number = 0;
  const auto [end, problem] = std::from_chars(behind.data(), behind.data() + behind.size(), number);
  if (problem != std::errc{} || end == behind.data() + behind.size() || *end != '.')
    return std::nullopt;
  return number;
}

bool is_of_all_experts(std::string_view rest) {
  return rest.find(".experts.") != rest.npos || rest.find("_exps.") != rest.npos;
}

void add(decoder_block& b, std::string_view rest, const std::string& name) {
  b.all.push_back(name);
  if (const auto expert = expert_of(rest)) {
    b.experts[*expert].push_back(name);
    return;
  }
  if (is_of_all_experts(rest)) {
    b.fused_experts.push_back(name);
    return;
  }
  if (rest.ends_with("e_score_correction_bias") || rest == "exp_probs_b.bias") {
    b.router_bias = name;
    return;
  }
  for (const known_module& known : known_modules) {
    if (!rest.starts_with(known.name)) continue;
    const std::string_view end = rest.substr(known.name.size());
    if (end == ".weight") b.*known.weight = name;
    if (end == ".bias" && known.bias != nullptr) b.*known.bias = name;
  }
}

}  // namespace

decoder_blocks find_blocks(const model_files& model, std::string_view option) {
  using tamp::detail::sentence;
  std::vector<std::string_view> stacks;
  for (const tensor& t : model.tensors)
    if (const auto at = place_in(t.name);
        at && (at->rest == "self_attn.o_proj.weight" || at->rest == "attn_output.weight" ||
               at->rest == "mlp.down_proj.weight" || at->rest == "ffn_down.weight"))
      if (std::find(stacks.begin(), stacks.end(), at->stack) == stacks.end())
        stacks.push_back(at->stack);
  if (stacks.empty())
    throw tamp::value_error(
        sentence(option,
                 " knows blocks with self_attn.q_proj, k_proj, v_proj and o_proj, mlp.gate_proj, "
                 "up_proj and "
                 "down_proj, or GGUF's names of these, and the model has none"));
  if (stacks.size() > 1)
    throw tamp::value_error(sentence(option, " takes a model of one decoder, and ", stacks[0],
                                     " and ", stacks[1], " look like decoders"));
  decoder_blocks found{std::string(stacks[0]), {}};
  for (const tensor& t : model.tensors)
    if (const auto at = place_in(t.name); at && at->stack == found.stack) {
      constexpr std::size_t most = 65536;
      if (at->block >= most)
        throw tamp::value_error(sentence(option, ": ", t.name, " is of a block too many"));
      if (at->block >= found.blocks.size()) found.blocks.resize(at->block + 1);
      add(found.blocks[at->block], at->rest, t.name);
    }
  for (std::size_t b = 0; b < found.blocks.size(); ++b)
    if (found.blocks[b].all.empty())
      throw tamp::value_error(sentence(option, ": the model has no block ", found.name(b)));
  return found;
}

std::string unknown_of_heads(const model_files& model, const decoder_block& b,
                             std::size_t head_dim) {
  const auto known = {&b.q, &b.k, &b.v, &b.o, &b.q_bias, &b.k_bias, &b.v_bias, &b.o_bias};
  for (const std::string& name : b.all) {
    const bool is_part = name.find(".self_attn.") != name.npos || name.find(".attn_") != name.npos;
    if (!is_part || std::any_of(known.begin(), known.end(),
                                [&](const std::string* other) { return *other == name; }))
      continue;
    const bool is_of_stream = name.find(".attn_norm") != name.npos ||
                              name.find("attn_post_norm") != name.npos ||
                              name.find(".attn_norm_2") != name.npos;
    const auto shape = matrix_of(find_tensor(model, name));
    if (!is_of_stream && !(shape.rows == 1 && shape.cols == head_dim))
      return tamp::detail::sentence(name, " of ", shape.rows, " x ", shape.cols);
  }
  return {};
}

std::vector<std::string> vocabulary_weights(const model_files& model,
                                            const decoder_blocks& decoder) {
  const auto is_named = [](std::string_view name, std::string_view end) {
    return name == end || (name.ends_with(end) && name[name.size() - end.size() - 1] == '.');
  };
  std::vector<std::string> weights;
  for (const tensor& t : model.tensors)
    if (is_named(t.name, "embed_tokens.weight") || t.name == "token_embd.weight")
      weights.push_back(t.name);
  if (weights.size() != 1)
    throw tamp::value_error(tamp::detail::sentence(
        "--structure vocabulary knows an embedding called embed_tokens.weight or "
        "token_embd.weight, and the model has ",
        weights.size()));
  const std::size_t tokens = matrix_of(find_tensor(model, weights[0])).rows;
  for (const tensor& t : model.tensors) {
    if (t.name == weights[0] || t.name.starts_with(decoder.stack + '.')) continue;
    const bool is_of_tokens = std::find(t.shape.begin(), t.shape.end(), tokens) != t.shape.end();
    const bool is_head = is_named(t.name, "lm_head.weight") || is_named(t.name, "lm_head.bias") ||
                         t.name == "output.weight" || t.name == "output.bias";
    if (is_head)
      weights.push_back(t.name);
    else if (is_of_tokens)
      throw tamp::value_error(tamp::detail::sentence("--structure vocabulary: ", t.name, " has ",
                                                     tokens,
                                                     " of something, as many as there are tokens, "
                                                     "and tamp does not know of what"));
  }
  return weights;
}

tamp::structure::extents matrix_of(const tensor& t) {
  if (t.shape.empty()) return {1, 1};
  tamp::structure::extents m{1, t.shape.back()};
  for (std::size_t d = 0; d + 1 < t.shape.size(); ++d) m.rows *= t.shape[d];
  return m;
}

tamp::structure::weight_shapes shapes_of(const model_files& model) {
  tamp::structure::weight_shapes shapes;
  for (const tensor& t : model.tensors) shapes[t.name] = matrix_of(t);
  return shapes;
}

const tensor& find_tensor(const model_files& model, const std::string& name) {
  for (const tensor& t : model.tensors)
    if (t.name == name) return t;
  throw tamp::value_error("the model has no tensor '" + name + "'");
}

}  // namespace tamp_prune
