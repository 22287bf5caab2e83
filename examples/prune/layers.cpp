#include "layers.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/model/linear_layers.hpp>
#include <tamp/prune/usual_exclusions.hpp>
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
  layer_list chosen;
  std::map<std::pair<std::string, std::size_t>, block> blocks;
  std::vector<std::string> candidates;
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    const tensor& t = model.tensors[k];
    const bool is_matrix = t.shape.size() == 2 || t.shape.size() == 3;
    if (!is_matrix || t.size() == 0) continue;
    const auto leave = [&](std::string why) {
      chosen.dense.push_back({t.name, std::move(why), t.size()});
    };
    const auto place = tamp::linear_layer_of(t.name);
    if (t.kind == number::other) {
      if (place) leave("holds " + t.type + ", which is not pruned");
      continue;
    }
    candidates.push_back(t.name);
    if (const std::string* pattern = first_that_fits(names.exclude, t.name)) {
      leave("--exclude " + *pattern);
    } else if (!names.only.empty() && first_that_fits(names.only, t.name) == nullptr) {
      leave("not among --only");
    } else if (names.only.empty() && !place) {
      leave("no linear layer of a block");
    } else if (!t.has_zero() && !names.may_retype) {
      throw tamp::value_error(tamp::detail::sentence(
          t.name, " is of type ", t.type,
          ", whose numbers have no exact zero: --retype q8_0 or --retype f16 stores such layers "
          "as numbers that have one, and --exclude leaves them as they are"));
    } else {
      const auto at = tamp::block_place_of(t.name);
      const std::string stack(at ? at->stack : std::string_view());
      block& b = blocks[{stack, at ? at->block : 0}];
      b.stack = stack;
      b.number = at ? at->block : 0;
      for (layer& l : layers_of(t, k, orientation_of.is_transposed(t)))
        b.layers.push_back(std::move(l));
    }
  }
  for (auto& [key, b] : blocks) chosen.blocks.push_back(std::move(b));
  if (chosen.blocks.empty())
    throw tamp::value_error(tamp::detail::sentence(
        model.folder.string(), ": there is nothing to prune: ",
        candidates.empty() ? "no tensor is a matrix of floating-point numbers"
                           : "choose with --only from these tensors: ",
        listed(candidates)));
  return chosen;
}

}  // namespace tamp_prune
