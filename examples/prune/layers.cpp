#include "layers.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/model/linear_layers.hpp>
#include <tuple>
#include <utility>

namespace tamp_prune {
namespace {

bool fits(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}
const std::string* first_that_fits(const std::vector<std::string>& patterns,
                                   const std::string& name) {
  const auto found = std::find_if(patterns.begin(), patterns.end(),
                                  [&](const std::string& p) { return fits(p, name); });
  return found == patterns.end() ? nullptr : &*found;
}

// A typing mistake must not go unnoticed.
void check_patterns(const model_files& model, const std::vector<std::string>& patterns,
                    std::string_view option) {
  for (const std::string& pattern : patterns)
    if (std::none_of(model.tensors.begin(), model.tensors.end(),
                     [&](const tensor& t) { return fits(pattern, t.name); }))
      throw tamp::value_error(
          tamp::detail::sentence(option, " ", pattern, " fits none of the model's tensors"));
}

// GPT-2 stores the weights of its linear modules as (in, out), and its bias says which is which.
class orientation {
 public:
  explicit orientation(const model_files& model) {
    for (const tensor& t : model.tensors) shapes_[t.name] = &t.shape;
    for (const tensor& t : model.tensors) {
      const auto found = bias_of(t);
      if (!is_conv1d(t.name) || !found || t.shape[0] == t.shape[1]) continue;
      stores_in_out_ = t.shape[1] == *found;
      return;
    }
  }
  bool is_transposed(const tensor& t) const { return stores_in_out_ && is_conv1d(t.name); }

 private:
  static bool is_conv1d(std::string_view name) {
    const auto place = tamp::block_place_of(name);
    if (!place) return false;
    const std::string_view last = place->module.substr(place->module.rfind('.') + 1);
    return last == "c_attn" || last == "c_proj" || last == "c_fc" || last == "q_attn";
  }
  // The number of the tensor's biases.
  std::optional<std::size_t> bias_of(const tensor& t) const {
    constexpr std::string_view weight = ".weight";
    if (t.shape.size() != 2 || !t.name.ends_with(weight)) return std::nullopt;
    const auto found = shapes_.find(t.name.substr(0, t.name.size() - weight.size()) + ".bias");
    if (found == shapes_.end() || found->second->size() != 1) return std::nullopt;
    return found->second->front();
  }

  std::map<std::string, const std::vector<std::size_t>*> shapes_;
  bool stores_in_out_ = false;
};

// Where a tensor's block is: its stack and number.
using block_key = std::pair<std::string, std::size_t>;
block_key key_of(const std::optional<tamp::block_place>& place) {
  if (!place) return {};
  return {std::string(place->stack), place->block};
}

// Tensors of three dimensions hold an expert in each slice if their block has a router, a matrix
// with a row for each expert. Its columns are the block's features, which say what the slices
// store. In GGUF files names say both: "ffn_up_exps" is (experts, out, in).
class expert_layouts {
 public:
  explicit expert_layouts(const model_files& model) {
    for (const tensor& t : model.tensors)
      if (const auto place = tamp::block_place_of(t.name); place && t.shape.size() == 2 &&
                                                           !t.name.ends_with("bias") &&
                                                           !tamp::linear_layer_of(t.name))
        routers_[key_of(place)].push_back(&t);
    for (const tensor& t : model.tensors)
      if (!usual_) usual_ = by_shape(t);
  }
  // A tensor whose own shape does not decide, a square, is stored as the model's others are.
  std::optional<tamp::expert_layout> of(const tensor& t) const {
    if (t.shape.size() == 3 && t.name.ends_with("_exps.weight")) return tamp::expert_layout::out_in;
    if (const auto layout = by_shape(t)) return layout;
    return hidden_of(t) ? usual_ : std::nullopt;
  }

 private:
  // The features of the tensor's block.
  std::optional<std::size_t> hidden_of(const tensor& t) const {
    if (t.shape.size() != 3) return std::nullopt;
    const auto found = routers_.find(key_of(tamp::block_place_of(t.name)));
    if (found == routers_.end()) return std::nullopt;
    for (const tensor* router : found->second)
      if (router->shape[0] == t.shape[0] &&
          (router->shape[1] == t.shape[1] || router->shape[1] == t.shape[2]))
        return router->shape[1];
    return std::nullopt;
  }
  std::optional<tamp::expert_layout> by_shape(const tensor& t) const {
    const auto hidden = hidden_of(t);
    if (!hidden) return std::nullopt;
    return tamp::expert_layout_of(t.name, t.shape[1], t.shape[2], *hidden);
  }
  std::map<block_key, std::vector<const tensor*>> routers_;
  std::optional<tamp::expert_layout> usual_;
};

// True for a matrix that holds all experts one below another: "ffn.experts.mlp.w1".
bool stacks_experts(const tensor& t, std::string_view module) {
  constexpr std::string_view experts = "experts.";
  const std::size_t begin = module.find(experts);
  if (t.shape.size() != 2 || begin == std::string_view::npos) return false;
  if (begin != 0 && module[begin - 1] != '.') return false;
  const char first = module[begin + experts.size()];
  return first < '0' || first > '9';
}

// The name with * in place of the numbers of blocks and experts.
std::string pattern_of(std::string_view name) {
  std::string pattern;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    const bool is_number =
        !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    if (begin != 0) pattern += '.';
    pattern += is_number ? std::string_view("*") : part;
    begin = end + 1;
  }
  return pattern;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 12;
  std::string text;
  for (std::size_t k = 0; k < std::min(most, names.size()); ++k)
    text += tamp::detail::sentence(k == 0 ? "" : ", ", names[k]);
  return names.size() <= most ? text
                              : tamp::detail::sentence(text, " and ", names.size() - most, " more");
}

// The layers of a tensor: itself, or one for each expert of three dimensions.
std::vector<layer> layers_of(const tensor& t, std::size_t index, bool is_transposed) {
  std::vector<layer> layers;
  const std::size_t dimensions = t.shape.size();
  std::size_t rows = t.shape[dimensions - 2], cols = t.shape[dimensions - 1];
  if (is_transposed) std::swap(rows, cols);
  if (dimensions == 2) {
    layers.push_back({t.name, index, rows, cols, is_transposed, t.offset, t.length});
    return layers;
  }
  const std::size_t experts = t.shape[0];
  for (std::size_t e = 0; e < experts; ++e)
    layers.push_back({tamp::detail::sentence(t.name, '[', e, ']'), index, rows, cols, is_transposed,
                      t.offset + t.length / experts * e, t.length / experts});
  return layers;
}

}  // namespace

std::size_t layer_list::layers() const {
  std::size_t count = 0;
  for (const block& b : blocks) count += b.layers.size();
  return count;
}
std::size_t layer_list::size() const {
  std::size_t count = 0;
  for (const block& b : blocks)
    for (const layer& l : b.layers) count += l.size();
  return count;
}

layer_list choose_layers(const model_files& model, const choice& names) {
  check_patterns(model, names.only, "--only");
  check_patterns(model, names.exclude, "--exclude");
  const orientation orientation_of(model);
  const expert_layouts layout_of(model);
  layer_list chosen;
  std::map<block_key, block> blocks;
  std::vector<std::string> candidates;  // patterns of names, each once
  std::size_t numbers_in_blocks = 0;
  std::string
      other_type;  // of linear layers that hold no floating-point numbers of 16 bits or more
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    const tensor& t = model.tensors[k];
    // Biases of experts are matrices, too.
    const bool is_matrix =
        (t.shape.size() == 2 || t.shape.size() == 3) && !t.name.ends_with("bias");
    if (!is_matrix || t.size() == 0) continue;
    const auto leave = [&](std::string why) {
      chosen.dense.push_back({t.name, std::move(why), t.size()});
    };
    const auto place = tamp::linear_layer_of(t.name);
    if (t.kind == number::other) {
      if (place) {
        leave("holds " + t.type + ", which is not pruned");
        other_type = t.type;
      }
      continue;
    }
    const auto at = tamp::block_place_of(t.name);
    const auto layout = layout_of.of(t);
    if (std::string pattern = pattern_of(t.name);
        std::find(candidates.begin(), candidates.end(), pattern) == candidates.end())
      candidates.push_back(std::move(pattern));
    if (const std::string* pattern = first_that_fits(names.exclude, t.name)) {
      leave("--exclude " + *pattern);
      continue;
    }
    if (at) numbers_in_blocks += t.size();
    if (!names.only.empty() && first_that_fits(names.only, t.name) == nullptr) {
      leave("not among --only");
    } else if (names.only.empty() && !place) {
      leave("no linear layer of a block");
    } else if (!t.has_zero() && !names.may_retype) {
      throw tamp::value_error(tamp::detail::sentence(
          t.name, " is of type ", t.type,
          ", whose numbers have no exact zero: --retype q8_0 or --retype f16 stores such layers "
          "as numbers that have one, and --exclude leaves them as they are"));
    } else if (names.changes_weights && !t.can_be_written() && !names.may_retype) {
      throw tamp::value_error(tamp::detail::sentence(
          t.name, " is of type ", t.type,
          ", which tamp does not write, and --refine repair changes the weights that stay: "
          "--retype "
          "q8_0 or --retype f16 stores such layers as a type that it writes, and --exclude leaves "
          "them as they are"));
    } else if (names.only.empty() && t.shape.size() == 3 && !layout) {
      leave("three dimensions that do not say which are experts, outputs and inputs");
    } else if (names.only.empty() && stacks_experts(t, place->module)) {
      leave("experts in one matrix");
    } else {
      block& b = blocks[key_of(at)];
      std::tie(b.stack, b.number) = key_of(at);
      const bool is_transposed =
          layout ? *layout == tamp::expert_layout::in_out : orientation_of.is_transposed(t);
      for (layer& l : layers_of(t, k, is_transposed)) {
        l.new_offset = l.offset;
        l.new_length = l.length;
        l.new_type = t.ggml_type;
        b.layers.push_back(std::move(l));
      }
    }
  }
  for (auto& [key, b] : blocks) chosen.blocks.push_back(std::move(b));
  const std::string path = (model.is_folder ? model.folder : model.path_of(0)).string();
  const std::string choices = "choose with --only from these tensors: " + listed(candidates);
  if (chosen.blocks.empty())
    throw tamp::value_error(tamp::detail::sentence(
        path, ": there is nothing to prune: ",
        !other_type.empty()  ? "its linear layers hold " + other_type + ", which is not pruned"
        : candidates.empty() ? "no tensor is a matrix of floating-point numbers"
                             : choices));
  // Where so much has other names, the known ones may mean something else.
  if (names.only.empty() && chosen.size() < numbers_in_blocks / 2)
    throw tamp::value_error(tamp::detail::sentence(
        path, ": is no known kind of model: linear layers of known names have ",
        100 * chosen.size() / numbers_in_blocks, " % of the numbers in its blocks; ", choices));
  return chosen;
}

}  // namespace tamp_prune
