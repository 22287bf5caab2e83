#include "model_ties.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <tamp/error.hpp>
#include <tamp/structure/transformer_ties.hpp>
#include <utility>

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;
using tamp::detail::sentence;

constexpr std::array<std::string_view, 6> kind_names{"neurons", "heads",  "query-heads",
                                                     "experts", "layers", "vocabulary"};
// The groups of a block are its name and one of these.
constexpr std::string_view ffn = ".ffn", attention = ".attention", queries = ".query_heads",
                           mixture = ".experts";
constexpr std::string_view tokens = "vocabulary";  // of the model

template <class... Parts>
[[noreturn]] void refuse_structure(const Parts&... parts) {
  throw tamp::value_error(sentence("--structure: ", parts...));
}

structure::group heads_of(const model_files& model, const decoder_blocks& decoder, std::size_t n,
                          const model_numbers& numbers, unit_kind kind) {
  const decoder_block& b = decoder.blocks[n];
  if (b.q.empty() || b.k.empty() || b.v.empty() || b.o.empty())
    refuse_structure(decoder.name(n),
                     " has no q, k, v and o of known names, and so no heads that could leave");
  if (numbers.heads == 0 || numbers.head_dim == 0)
    refuse_structure("the model does not say how many heads it has");
  if (const std::string unknown = unknown_of_heads(model, b, numbers.head_dim); !unknown.empty())
    refuse_structure(unknown, " may depend on the number of heads, and is not known");
  const structure::attention_weights names{b.q, b.k, b.v, b.o, b.q_bias, b.k_bias, b.v_bias};
  const structure::head_counts counts{numbers.heads, numbers.kv_heads, numbers.head_dim};
  if (kind == unit_kind::heads)
    return structure::key_value_heads(decoder.name(n) + std::string(attention), names, counts);
  return structure::query_heads(decoder.name(n) + std::string(queries), names, counts);
}

// The experts that a router needs. One that chooses among groups first finds them all in the groups
// that it chooses, and one that corrects its scores by a bias rates a group by its best two.
std::size_t fewest_experts(const decoder_block& b, const model_numbers& numbers) {
  const std::size_t used = std::max<std::size_t>(numbers.expert_groups_used, 1);
  std::size_t of_group = (numbers.experts_used + used - 1) / used;
  const bool rates_by_two = b.router_bias.ends_with("e_score_correction_bias") ||
                            b.router_bias.ends_with("exp_probs_b.bias");
  if (numbers.expert_groups == 1)
    return std::max<std::size_t>(numbers.experts_used, rates_by_two ? 2 : 1);
  if (rates_by_two) of_group = std::max<std::size_t>(of_group, 2);
  return of_group * numbers.expert_groups;
}

structure::group experts_of(const model_files& model, const decoder_blocks& decoder, std::size_t n,
                            const model_numbers& numbers) {
  const decoder_block& b = decoder.blocks[n];
  const std::string name = decoder.name(n) + std::string(mixture);
  const std::size_t count = matrix_of(find_tensor(model, b.router)).rows;
  if (numbers.experts_used == 0)
    refuse_structure("the model does not say how many experts a token is sent to");
  const std::size_t fewest = fewest_experts(b, numbers);
  structure::group g;
  if (!b.experts.empty()) {
    std::vector<std::vector<std::string>> of_expert;
    for (const auto& [expert, tensors] : b.experts) {
      if (expert != of_expert.size())
        refuse_structure(name, " has no tensors of expert ", of_expert.size());
      of_expert.push_back(tensors);
    }
    g = structure::experts(name, b.router, std::move(of_expert), fewest, numbers.expert_groups);
  } else {
    std::vector<std::pair<std::string, std::size_t>> parts;
    for (const std::string& tensor : b.fused_experts) {
      const auto& shape = find_tensor(model, tensor).shape;
      if (shape.size() < 2 || shape[0] != count)
        refuse_structure(tensor, " does not hold ", count, " experts one after another");
      parts.emplace_back(tensor, shape.size() == 2 ? 1 : shape[1]);
    }
    g = structure::fused_experts(name, b.router, parts, count, fewest, numbers.expert_groups);
  }
  if (!b.router_bias.empty()) g.parts.push_back({b.router_bias, structure::axis::cols, 1});
  return g;
}

structure::group vocabulary_of(const model_files& model, const decoder_blocks& decoder,
                               const model_numbers& numbers) {
  const auto weights = vocabulary_weights(model, decoder);
  const std::size_t count = matrix_of(find_tensor(model, weights[0])).rows;
  structure::group g = structure::vocabulary(std::string(tokens), {}, count);
  for (const std::string& name : weights) {
    const bool is_vector = find_tensor(model, name).shape.size() == 1;
    g.parts.push_back({name, is_vector ? structure::axis::cols : structure::axis::rows});
  }
  g.fewest = numbers.tokens_needed;
  return g;
}

}  // namespace

unit_kind kind_of(const structure::group& g) {
  for (std::size_t k = 0; k < kind_names.size(); ++k)
    if (g.kind == kind_names[k]) return static_cast<unit_kind>(k);
  return unit_kind::query_heads;  // "query heads"
}

bool leaves_blocks(unit_kind kind) {
  return kind == unit_kind::neurons || kind == unit_kind::heads || kind == unit_kind::query_heads;
}

std::string_view name_of(unit_kind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

structure_request request_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const auto found = std::find(kind_names.begin(), kind_names.end(), kind);
  if (found == kind_names.end())
    refuse_structure(
        "'", kind,
        "' is no kind of unit: neurons, heads, query-heads, experts, layers and vocabulary are");
  structure_request request{static_cast<unit_kind>(found - kind_names.begin()), {}, {}};
  if (colon == text.npos) return request;
  const std::string_view amount = text.substr(colon + 1);
  if (request.kind == unit_kind::vocabulary && amount == "unused") {
    request.unused = true;
    return request;
  }
  const char* const end = amount.data() + amount.size();
  if (std::size_t count = 0; amount.find('.') == amount.npos) {
    if (const auto [at, problem] = std::from_chars(amount.data(), end, count);
        problem == std::errc{} && at == end) {
      request.count = count;
      return request;
    }
  } else if (double fraction = 0; true) {
    if (const auto [at, problem] = std::from_chars(amount.data(), end, fraction);
        problem == std::errc{} && at == end && fraction >= 0 && fraction <= 1) {
      request.fraction = fraction;
      return request;
    }
  }
  refuse_structure("'", amount, "' of ", kind,
                   " cannot leave: name a fraction from 0.0 to 1.0, or a whole ", "number");
}

structure::ties ties_of(const model_files& model, const decoder_blocks& decoder,
                        const model_numbers& numbers,
                        const std::vector<structure_request>& requests, std::size_t multiple) {
  const auto asks_for = [&](unit_kind kind) {
    return std::any_of(requests.begin(), requests.end(),
                       [&](const structure_request& r) { return r.kind == kind; });
  };
  if (asks_for(unit_kind::heads) && asks_for(unit_kind::query_heads))
    refuse_structure(
        "heads and query-heads own the same rows: take one after the other, in two runs");
  structure::ties all;
  for (const structure_request& request : requests) {
    const std::size_t before = all.groups.size();
    if (request.kind == unit_kind::layers) {
      std::vector<std::vector<std::string>> of_layer;
      for (const decoder_block& b : decoder.blocks) of_layer.push_back(b.all);
      all.groups.push_back(structure::layers(decoder.stack, std::move(of_layer)));
      continue;
    }
    if (request.kind == unit_kind::vocabulary) {
      all.groups.push_back(vocabulary_of(model, decoder, numbers));
      continue;
    }
    for (std::size_t n = 0; n < decoder.blocks.size(); ++n) {
      const decoder_block& b = decoder.blocks[n];
      switch (request.kind) {
        case unit_kind::neurons:
          if (!b.up.empty() && !b.down.empty())
            all.groups.push_back(structure::neurons(
                decoder.name(n) + std::string(ffn), {b.gate, b.up, b.down, b.gate_bias, b.up_bias},
                matrix_of(find_tensor(model, b.up)).rows, multiple));
          break;
        case unit_kind::experts:
          if (!b.router.empty()) all.groups.push_back(experts_of(model, decoder, n, numbers));
          break;
        default:
          all.groups.push_back(heads_of(model, decoder, n, numbers, request.kind));
      }
    }
    if (all.groups.size() == before) refuse_structure("the model has no ", name_of(request.kind));
  }
  structure::validate(all, shapes_of(model));
  return all;
}

structure_change unchanged(const decoder_blocks& decoder) {
  structure_change none;
  none.layers_before = decoder.blocks.size();
  for (std::size_t n = 0; n < decoder.blocks.size(); ++n) none.layers.push_back(n);
  return none;
}

structure_change change_of(const model_files& model, const decoder_blocks& decoder,
                           const model_numbers& numbers, const structure::unit_plan& plan) {
  structure_change change;
  change.layers_before = decoder.blocks.size();
  const auto* const kept_layers = plan.find(decoder.stack);
  for (std::size_t n = 0; n < decoder.blocks.size(); ++n)
    if (kept_layers == nullptr ||
        std::binary_search(kept_layers->kept.begin(), kept_layers->kept.end(), n))
      change.layers.push_back(n);
  const auto is_named = [&](std::string_view group) {
    return std::any_of(change.layers.begin(), change.layers.end(), [&](std::size_t n) {
      return plan.find(decoder.name(n) + std::string(group)) != nullptr;
    });
  };
  // A group that the plan does not name stays whole.
  const auto kept = [&](std::size_t n, std::string_view group, std::size_t whole) {
    const auto* const choice = plan.find(decoder.name(n) + std::string(group));
    return choice == nullptr ? whole : choice->kept.size();
  };
  const auto rows = [&](const std::string& name) {
    return name.empty() ? 0 : matrix_of(find_tensor(model, name)).rows;
  };
  const auto add = [](std::vector<std::size_t>& numbers, std::size_t count) {
    if (count != 0) numbers.push_back(count);
  };
  const bool has_ffn = is_named(ffn), has_heads = is_named(attention);
  const bool has_queries = is_named(queries), has_experts = is_named(mixture);
  for (const std::size_t n : change.layers) {
    const decoder_block& b = decoder.blocks[n];
    if (has_ffn) add(change.ffn, kept(n, ffn, rows(b.up)));
    if (has_experts) add(change.experts, kept(n, mixture, rows(b.router)));
    if (has_heads) {
      change.kv_heads.push_back(kept(n, attention, numbers.kv_heads));
      change.heads.push_back(change.kv_heads.back() * (numbers.heads / numbers.kv_heads));
    } else if (has_queries) {
      change.kv_heads.push_back(numbers.kv_heads);
      change.heads.push_back(kept(n, queries, numbers.heads));
    }
  }
  if (!change.heads.empty()) change.head_dim = numbers.head_dim;
  if (const auto* const choice = plan.find(tokens)) {
    change.tokens = choice->kept;
    change.tokens_before = choice->units;
  }
  return change;
}

std::size_t one_for_all(const std::vector<std::size_t>& numbers, std::string_view what,
                        std::string_view key, std::string_view format) {
  for (std::size_t k = 1; k < numbers.size(); ++k)
    if (numbers[k] != numbers[0])
      refuse_structure("block ", k, " of the smaller model would have ", numbers[k], ' ', what,
                       ", and block 0 ", numbers[0], "; ", format, " has one ", key,
                       " for all: use --allocate uniform");
  return numbers.at(0);
}

}  // namespace tamp_prune
