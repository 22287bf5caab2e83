#include "attention.hpp"

#include <algorithm>
#include <cmath>

namespace llama {
namespace {

/// Softmax of scale * scores, in place; row i sees the last `window` of the first
/// `seen_by_first + i` columns.
void causal_softmax(matrix& scores, Index seen_by_first, Index window, float scale) {
  for (Index i = 0; i < scores.rows(); ++i) {
    const Index end = std::min(seen_by_first + i, scores.cols());
    const Index begin = std::max<Index>(end - window, 0);
    auto seen = scores.row(i).segment(begin, end - begin).array();
    const float largest = seen.maxCoeff();
    seen = ((seen - largest) * scale).exp();
    seen *= 1.0f / seen.sum();
    scores.row(i).head(begin).setZero();
    scores.row(i).tail(scores.cols() - end).setZero();
  }
}

}  // namespace

float attention_scale(const config& c) {
  return c.attention_scale == 0.0f ? 1.0f / std::sqrt(float(c.head_dim)) : c.attention_scale;
}

attention attend(const config& c, const matrix& q, const Eigen::Ref<const matrix>& k,
                 const Eigen::Ref<const matrix>& v, Index window, Index recorded) {
  constexpr Index tile = 64;
  const Index queries = q.rows(), tokens = k.rows(), before = tokens - queries;
  const Index tiles = (queries + tile - 1) / tile, heads = q.cols() / c.head_dim;
  const Index group = heads / (k.cols() / c.head_dim);
  const float scale = attention_scale(c);
  if (window == 0) window = tokens;
  attention result{matrix(queries, q.cols()), {}, matrix(heads * recorded, tokens)};
  matrix last_queries(heads, tokens);
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (Index t = tiles - 1; t >= 0; --t) {
    for (Index head = 0; head < heads; ++head) {
      const Index begin = t * tile, rows = std::min(tile, queries - begin);
      // The keys that the tile may see.
      const Index end = before + begin + rows;
      const Index first = std::max<Index>(before + begin + 1 - window, 0), keys = end - first;
      const Index column = head * c.head_dim, kv_column = head / group * c.head_dim;
      matrix scores(rows, keys);
      scores.noalias() = q.block(begin, column, rows, c.head_dim) *
                         k.block(first, kv_column, keys, c.head_dim).transpose();
      causal_softmax(scores, before + begin + 1 - first, window, scale);
      result.context.block(begin, column, rows, c.head_dim).noalias() =
          scores * v.block(first, kv_column, keys, c.head_dim);
      const auto record = [&](Index i, auto&& row) {
        row.setZero();
        row.segment(first, keys) = scores.row(i);
      };
      if (end == tokens) record(rows - 1, last_queries.row(head));
      for (Index i = std::max(begin, queries - recorded); i < begin + rows; ++i)
        record(i - begin, result.recorded.row(head * recorded + i - (queries - recorded)));
    }
  }
  result.last_query = last_queries.colwise().mean();
  return result;
}

}  // namespace llama
