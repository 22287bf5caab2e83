#pragma once

/// @file
/// The ties of a transformer's usual parts, from names and sizes.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "ties.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// The names of the weights of attention. Biases that the model does not have are left empty; the
/// output projection's bias loses nothing and is not named.
struct attention_weights {
  std::string q, k, v, o;
  std::string q_bias{}, k_bias{}, v_bias{};
};

/// The numbers of heads of attention. Each key and value head serves heads / kv_heads consecutive query
/// heads.
struct head_counts {
  std::size_t heads = 0, kv_heads = 0, head_dim = 0;
};

/// The names of the weights of a feed-forward part. One without a gate leaves its name empty.
struct ffn_weights {
  std::string gate, up, down;
  std::string gate_bias{}, up_bias{};
};

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS::detail {

inline void add_part(structure::group& g, const std::string& weight, structure::axis along,
                     std::size_t width) {
  if (!weight.empty()) g.parts.push_back({weight, along, width});
}

inline std::size_t queries_per_key(const std::string& name, const structure::head_counts& h) {
  if (h.heads == 0 || h.kv_heads == 0 || h.head_dim == 0 || h.heads % h.kv_heads != 0)
    raise<shape_error>("ties: ", h.heads, " query heads of ", name, ", ", h.head_dim,
                       " wide, cannot share ", h.kv_heads, " key and value heads evenly");
  return h.heads / h.kv_heads;
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Key and value heads, each with the query heads that it serves: rows of q, k and v, and columns of
/// o. Both numbers of heads shrink by the same factor, and the cache of keys and values with them.
/// @throws shape_error if the query heads do not share the others evenly
inline group key_value_heads(std::string name, const attention_weights& w, const head_counts& h) {
  const std::size_t queries =
      tamp::detail::checked_product("ties", tamp::detail::queries_per_key(name, h), h.head_dim);
  group g{std::move(name), "heads", h.kv_heads};
  tamp::detail::add_part(g, w.q, axis::rows, queries);
  tamp::detail::add_part(g, w.k, axis::rows, h.head_dim);
  tamp::detail::add_part(g, w.v, axis::rows, h.head_dim);
  tamp::detail::add_part(g, w.o, axis::cols, queries);
  tamp::detail::add_part(g, w.q_bias, axis::cols, queries);
  tamp::detail::add_part(g, w.k_bias, axis::cols, h.head_dim);
  tamp::detail::add_part(g, w.v_bias, axis::cols, h.head_dim);
  return g;
}

/// Query heads, of which each key and value head keeps equally many: rows of q and columns of o.
/// @throws shape_error as above
inline group query_heads(std::string name, const attention_weights& w, const head_counts& h) {
  tamp::detail::queries_per_key(name, h);
  group g{std::move(name), "query heads", h.heads};
  tamp::detail::add_part(g, w.q, axis::rows, h.head_dim);
  tamp::detail::add_part(g, w.o, axis::cols, h.head_dim);
  tamp::detail::add_part(g, w.q_bias, axis::cols, h.head_dim);
  g.sections = h.kv_heads;
  return g;
}

/// The features of each key and value head's values: a row of v, an entry of its bias, and a column of
/// o in each query head that the head serves. Nothing else looks at their order, so that they can be
/// reordered (permute.hpp) within their head. One group for each head, "NAME.0" and so on.
/// @throws shape_error if the query heads do not share the others evenly
inline std::vector<group> value_features(const std::string& name, const attention_weights& w,
                                         const head_counts& h) {
  const std::size_t queries = tamp::detail::queries_per_key(name, h);
  std::vector<group> groups;
  for (std::size_t head = 0; head < h.kv_heads; ++head) {
    group g{tamp::detail::sentence(name, '.', head), "value features", h.head_dim};
    const auto add = [&](const std::string& weight, axis along, std::size_t first) {
      if (!weight.empty()) g.parts.push_back({weight, along, 1, first, true});
    };
    add(w.v, axis::rows, head * h.head_dim);
    add(w.v_bias, axis::cols, head * h.head_dim);
    for (std::size_t query = head * queries; query < (head + 1) * queries; ++query)
      add(w.o, axis::cols, query * h.head_dim);
    groups.push_back(std::move(g));
  }
  return groups;
}

/// Neurons of a feed-forward part: a row of gate and of up, and a column of down. `multiple` is what
/// the width is rounded to: 32 or 64 for vector units and for blocks of quantised weights.
inline group neurons(std::string name, const ffn_weights& w, std::size_t count,
                     std::size_t multiple = 1) {
  group g{std::move(name), "neurons", count};
  tamp::detail::add_part(g, w.gate, axis::rows, 1);
  tamp::detail::add_part(g, w.up, axis::rows, 1);
  tamp::detail::add_part(g, w.down, axis::cols, 1);
  tamp::detail::add_part(g, w.gate_bias, axis::cols, 1);
  tamp::detail::add_part(g, w.up_bias, axis::cols, 1);
  g.multiple = multiple;
  return g;
}

/// Experts: `of_expert` lists the weights of each, and the router of (experts, hidden) has a row for
/// each. `fewest` is the number of experts that a token is sent to. `groups` are the router's, which
/// lose equally many.
inline group experts(std::string name, const std::string& router,
                     std::vector<std::vector<std::string>> of_expert, std::size_t fewest,
                     std::size_t groups = 1) {
  group g{std::move(name), "experts", of_expert.size()};
  g.own = std::move(of_expert);
  tamp::detail::add_part(g, router, axis::rows, 1);
  g.fewest = fewest;
  g.sections = groups;
  return g;
}

/// Experts that lie in tensors of three dimensions, (experts, rows, columns), seen as weights of
/// experts * rows rows: each expert owns `rows` of them.
inline group fused_experts(std::string name, const std::string& router,
                           const std::vector<std::pair<std::string, std::size_t>>& weights,
                           std::size_t count, std::size_t fewest, std::size_t groups = 1) {
  group g{std::move(name), "experts", count};
  for (const auto& [weight, rows] : weights) tamp::detail::add_part(g, weight, axis::rows, rows);
  tamp::detail::add_part(g, router, axis::rows, 1);
  g.fewest = fewest;
  g.sections = groups;
  return g;
}

/// Whole layers: `of_layer` lists the weights of each.
inline group layers(std::string name, std::vector<std::vector<std::string>> of_layer) {
  group g{std::move(name), "layers", of_layer.size()};
  g.own = std::move(of_layer);
  return g;
}

/// Rows of the vocabulary: of the embedding, and of a head that is not tied to it.
inline group vocabulary(std::string name, const std::vector<std::string>& weights,
                        std::size_t tokens, std::size_t multiple = 1) {
  group g{std::move(name), "vocabulary", tokens};
  for (const std::string& weight : weights) tamp::detail::add_part(g, weight, axis::rows, 1);
  g.multiple = multiple;
  return g;
}

}  // namespace tamp::inline TAMP_FLAGS::structure
