#include "channels.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/structure/transformer_ties.hpp>
#include <utility>

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;
using tamp::detail::sentence;

template <class... Parts>
[[noreturn]] void refuse_order(const Parts&... parts) {
  throw tamp::value_error(sentence("--permute: ", parts...));
}

// Other tensors of the feed-forward part must not depend on the order of neurons.
void check_neurons(const model_files& model, const decoder_block& b) {
  const auto [hidden, neurons] = matrix_of(find_tensor(model, b.down));
  const auto known = {&b.gate, &b.up, &b.down, &b.gate_bias, &b.up_bias, &b.down_bias};
  for (const std::string& name : b.all) {
    const bool is_part = name.find(".mlp.") != name.npos || name.find(".ffn_") != name.npos;
    const bool is_of_experts = name.find("expert") != name.npos || name.find("exps") != name.npos ||
                               name.find("shexp") != name.npos;
    if (!is_part || is_of_experts ||
        std::any_of(known.begin(), known.end(),
                    [&](const std::string* other) { return *other == name; }))
      continue;
    const auto shape = matrix_of(find_tensor(model, name));
    if (neurons != hidden && (shape.rows == neurons || shape.cols == neurons))
      refuse_order(name, " of ", shape.rows, " x ", shape.cols,
                   " may depend on the order of neurons, and is not known");
  }
}

// The name of a weight as that of a module and of the module that it lies in:
// "model.layers.0.self_attn" and "qkv_proj" of "model.layers.0.self_attn.qkv_proj.weight". Both are
// empty for other names.
struct module_name {
  std::string_view parent, last;
};
module_name module_of(std::string_view weight) {
  constexpr std::string_view ending = ".weight";
  if (!weight.ends_with(ending)) return {};
  weight.remove_suffix(ending.size());
  const std::size_t dot = weight.rfind('.');
  if (dot == weight.npos) return {};
  return {weight.substr(0, dot), weight.substr(dot + 1)};
}

// The weight of a block's module that has one of these names; empty if there is none.
std::string weight_of(const decoder_block& b, std::initializer_list<std::string_view> modules) {
  for (const std::string& name : b.all)
    if (std::find(modules.begin(), modules.end(), module_of(name).last) != modules.end())
      return name;
  return {};
}

std::string bias_beside(const decoder_block& b, std::string weight) {
  constexpr std::string_view ending = "weight";
  const std::string bias = weight.replace(weight.size() - ending.size(), ending.size(), "bias");
  return std::find(b.all.begin(), b.all.end(), bias) == b.all.end() ? std::string() : bias;
}

// True for "mlp.experts.5", and for an expert that all tokens are sent to.
bool is_expert(std::string_view module) {
  const std::size_t dot = module.rfind('.');
  if (dot == module.npos) return false;
  const std::string_view last = module.substr(dot + 1);
  if (last == "shared_expert" || last == "shared_experts") return true;
  return last.find_first_not_of("0123456789") == last.npos &&
         module.substr(0, dot).ends_with(".experts");
}

// The feed-forward parts of a block's experts, by the names of their modules.
std::map<std::string, structure::ffn_weights> ffns_of_experts(const decoder_block& b) {
  using structure::ffn_weights;
  static const std::map<std::string_view, std::string ffn_weights::*> places{
      {"gate_proj", &ffn_weights::gate}, {"w1", &ffn_weights::gate},
      {"up_proj", &ffn_weights::up},     {"w3", &ffn_weights::up},
      {"down_proj", &ffn_weights::down}, {"w2", &ffn_weights::down}};
  std::map<std::string, ffn_weights> found;
  for (const std::string& name : b.all) {
    const module_name module = module_of(name);
    const auto place = places.find(module.last);
    if (place == places.end() || !is_expert(module.parent)) continue;
    ffn_weights& ffn = found[std::string(module.parent)];
    ffn.*place->second = name;
    if (place->second == &ffn_weights::gate) ffn.gate_bias = bias_beside(b, name);
    if (place->second == &ffn_weights::up) ffn.up_bias = bias_beside(b, name);
  }
  return found;
}

// Neurons whose rows of gate and of up lie in one tensor, all of gate before all of up.
structure::group fused_neurons(std::string name, const std::string& gate_up,
                               const std::string& down, std::size_t neurons) {
  structure::group g = structure::neurons(std::move(name), {{}, {}, down}, neurons);
  for (const std::size_t first : {std::size_t{0}, neurons})
    g.parts.push_back({gate_up, structure::axis::rows, 1, first, true});
  return g;
}

class channel_finder {
 public:
  channel_finder(const model_files& model, const model_numbers& numbers,
                 std::vector<std::string>& left)
      : model_(model), numbers_(numbers), left_(left) {}

  void add_neurons(const std::string& name, const decoder_block& b) {
    const std::string gate_up = gate_and_up(b);
    const auto experts = ffns_of_experts(b);
    if (gate_up.empty() && !b.up.empty() && !b.down.empty()) {
      check_neurons(model_, b);
      all_.push_back(
          {b.down, structure::neurons(name + ".ffn", {b.gate, b.up, b.down, b.gate_bias, b.up_bias},
                                      shape_of(b.up).rows)});
    } else if (!gate_up.empty() && !numbers_.is_fused_in_order) {
      leave(name, "gate and up in ", gate_up, ", in an order that tamp does not know");
    } else if (!gate_up.empty() && !b.down.empty()) {
      decoder_block known = b;
      known.up = gate_up;
      check_neurons(model_, known);
      all_.push_back(
          {b.down, fused_neurons(name + ".ffn", gate_up, b.down, shape_of(gate_up).rows / 2)});
    } else if (experts.empty() && b.fused_experts.empty()) {
      leave(name, "no up and down of known names whose neurons could move");
    }
    for (const auto& [expert, w] : experts) {
      if (w.up.empty() || w.down.empty())
        leave(expert, "no up and down of known names whose neurons could move");
      else
        all_.push_back({w.down, structure::neurons(expert, w, shape_of(w.up).rows)});
    }
    if (!b.fused_experts.empty())
      leave(name, "experts in ", b.fused_experts.front(),
            " and its like, in which all experts share their columns");
  }

  // In a tensor of all three, values come behind queries and keys.
  void add_values(const std::string& name, decoder_block b) {
    const std::string fused =
        weight_of(b, {"qkv_proj", "query_key_value", "attn_qkv", "c_attn", "Wqkv", "W_pack"});
    if (b.q.empty() && !fused.empty() && !numbers_.is_fused_in_order)
      return leave(name, "q, k and v in ", fused, ", in an order that tamp does not know");
    const bool is_fused = b.q.empty() && !fused.empty();
    if (is_fused) {
      b.q = b.k = b.v = fused;
      b.v_bias = bias_beside(b, fused);
    }
    if (b.q.empty() || b.k.empty() || b.v.empty() || b.o.empty() || numbers_.heads == 0 ||
        numbers_.head_dim == 0)
      return leave(name,
                   "no q, k, v and o of known names and numbers of heads whose values could move");
    if (const std::string unknown = unknown_of_heads(model_, b, numbers_.head_dim);
        !unknown.empty())
      refuse_order(unknown, " may depend on the number of heads, and is not known");
    const std::size_t queries = numbers_.heads * numbers_.head_dim,
                      keys = numbers_.kv_heads * numbers_.head_dim, together = queries + 2 * keys;
    if (shape_of(b.q).rows != (is_fused ? together : queries) || shape_of(b.o).cols != queries ||
        shape_of(b.v).rows != (is_fused ? together : keys))
      refuse_order("the q, v and o of ", name, " are not those of ", numbers_.heads, " and ",
                   numbers_.kv_heads, " heads of ", numbers_.head_dim);
    for (structure::group& g : structure::value_features(
             name + ".attention", {b.q, b.k, b.v, b.o, b.q_bias, b.k_bias, b.v_bias},
             {numbers_.heads, numbers_.kv_heads, numbers_.head_dim})) {
      for (structure::part& p : g.parts)
        if (is_fused && p.weight != b.o) p.first += queries + keys;
      all_.push_back({b.o, std::move(g)});
    }
  }

  std::vector<channel> take() { return std::move(all_); }

 private:
  // The weight that holds gate and up together, which GGUF calls up; empty if there is none.
  std::string gate_and_up(const decoder_block& b) const {
    const bool is_double = b.gate.empty() && !b.up.empty() && !b.down.empty() &&
                           shape_of(b.up).rows == 2 * shape_of(b.down).cols;
    return is_double ? b.up : weight_of(b, {"gate_up_proj"});
  }
  structure::extents shape_of(const std::string& name) const {
    return matrix_of(find_tensor(model_, name));
  }
  template <class... Why>
  void leave(const std::string& name, const Why&... why) {
    left_.push_back(sentence(name, ": ", why...));
  }

  const model_files& model_;
  const model_numbers& numbers_;
  std::vector<std::string>& left_;
  std::vector<channel> all_;
};

}  // namespace

std::vector<channel> channels_of(const model_files& model, const decoder_blocks& decoder,
                                 const model_numbers& numbers, std::vector<std::string>& left) {
  channel_finder found(model, numbers, left);
  for (std::size_t n = 0; n < decoder.blocks.size(); ++n) {
    found.add_neurons(decoder.name(n), decoder.blocks[n]);
    found.add_values(decoder.name(n), decoder.blocks[n]);
  }
  return found.take();
}

}  // namespace tamp_prune
