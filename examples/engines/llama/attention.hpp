#pragma once

/// @file
/// Causal grouped-query attention of one sequence.

#include "config.hpp"

namespace llama {

struct attention {
  matrix context;         // (queries, heads * head_dim)
  row_vector last_query;  // (tokens,), softmax of the last query, mean over heads
  matrix recorded;        // (heads * recorded queries, tokens), softmax of the last queries
};

/// Attention of queries to keys and values that RoPE has already turned.
///
/// `q` is (queries, heads * head_dim), `k` and `v` are (tokens, kv_heads * head_dim), of which the
/// numbers of heads follow; the queries are the last ones of the tokens. They are taken in tiles, each against the keys up to its own
/// end: half the work of the full square. Each query sees the last `window` tokens up to its own, 0
/// is all. The softmax of the last `recorded` queries is kept.
attention attend(const config& c, const matrix& q, const Eigen::Ref<const matrix>& k,
                 const Eigen::Ref<const matrix>& v, Index window = 0, Index recorded = 0);

/// The factor of queries times keys.
float attention_scale(const config& c);

}  // namespace llama
