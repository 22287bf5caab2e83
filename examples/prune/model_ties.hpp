#pragma once

// Structure that leaves a model: requests, the ties of its blocks, and the change of the model.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tamp/structure/ties.hpp>
#include <tamp/structure/unit_plan.hpp>
#include <vector>

#include "decoder_blocks.hpp"

namespace tamp_prune {

enum class unit_kind { neurons, heads, query_heads, experts, layers, vocabulary };

// "neurons:0.25", "layers:2": a kind of unit, and the fraction or the number that leaves each group;
// without it, the fraction of --sparsity. "vocabulary:unused": all tokens that a text does not use.
struct structure_request {
  unit_kind kind{};
  std::optional<double> fraction;
  std::optional<std::size_t> count;
  bool unused = false;
};
// Throws tamp::value_error if the text says something else.
structure_request request_of(std::string_view text);
std::string_view name_of(unit_kind kind);
// The kind of a group's units.
unit_kind kind_of(const tamp::structure::group& g);
// True for heads and neurons: parts of a block, of which some blocks may lose more than others.
bool leaves_blocks(unit_kind kind);

// Numbers of a model that a format states beside the tensors. A number that is not stated is 0.
struct model_numbers {
  std::size_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  std::size_t experts_used = 0;                           // by a token
  std::size_t expert_groups = 1, expert_groups_used = 1;  // by a token, too
  std::size_t tokens_needed = 1;                          // that cannot leave
  // q, k and v lie one below another in one tensor, as do gate and up: the layout of phi3.
  bool is_fused_in_order = false;
};

// The units of the requested kinds, with the number that FFNs are rounded to.
tamp::structure::ties ties_of(const model_files& model, const decoder_blocks& decoder,
                              const model_numbers& numbers,
                              const std::vector<structure_request>& requests, std::size_t multiple);

// Entries of the configuration of the smaller model. Lists have a number for each block that
// stays; they are empty where nothing changes.
struct structure_change {
  std::vector<std::size_t> layers;  // blocks that stay
  std::size_t layers_before = 0;
  std::vector<std::size_t> ffn, heads, kv_heads, experts;
  std::size_t head_dim = 0;           // 0: heads stay
  std::vector<std::size_t> tokens{};  // that stay; empty: all
  std::size_t tokens_before = 0;

  bool drops_layers() const { return layers.size() != layers_before; }
};
structure_change unchanged(const decoder_blocks& decoder);
structure_change change_of(const model_files& model, const decoder_blocks& decoder,
                           const model_numbers& numbers, const tamp::structure::unit_plan& plan);

// The number that all entries have. Throws tamp::value_error, with `what` in it, if two differ.
std::size_t one_for_all(const std::vector<std::size_t>& numbers, std::string_view what,
                        std::string_view key, std::string_view format);

}  // namespace tamp_prune
