#include "attention.hpp"

#include <algorithm>
#include <cmath>

namespace llama {
namespace {

/// Softmax of scale * scores, in place; row i sees the first `seen_by_first + i` columns.
void causal_softmax(matrix& scores, Index seen_by_first, float scale) {
  for (Index i = 0; i < scores.rows(); ++i) {
    const Index visible = std::min(seen_by_first + i, scores.cols());
    auto seen = scores.row(i).head(visible).array();
    const float largest = seen.maxCoeff();
    seen = ((seen - largest) * scale).exp();
    seen *= 1.0f / seen.sum();
    scores.row(i).tail(scores.cols() - visible).setZero();
  }
}

}  // namespace

attention attend(const config& c, const matrix& q, const Eigen::Ref<const matrix>& k,
                 const Eigen::Ref<const matrix>& v, Index recorded) {
  constexpr Index tile = 64;
  const Index queries = q.rows(), tokens = k.rows(), before = tokens - queries;
  const Index tiles = (queries + tile - 1) / tile, group = c.heads / c.kv_heads;
  const float scale = 1.0f / std::sqrt(float(c.head_dim));
  attention result{matrix(queries, q.cols()), {}, matrix(c.heads * recorded, tokens)};
  matrix last_queries(c.heads, tokens);
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (Index t = tiles - 1; t >= 0; --t) {
    for (Index head = 0; head < c.heads; ++head) {
      const Index begin = t * tile, rows = std::min(tile, queries - begin);
      const Index end = before + begin + rows;  // of the keys that the tile may see
      const Index column = head * c.head_dim, kv_column = head / group * c.head_dim;
      matrix scores(rows, end);
      scores.noalias() = q.block(begin, column, rows, c.head_dim) *
                         k.block(0, kv_column, end, c.head_dim).transpose();
      causal_softmax(scores, before + begin + 1, scale);
      result.context.block(begin, column, rows, c.head_dim).noalias() =
          scores * v.block(0, kv_column, end, c.head_dim);
      if (end == tokens) last_queries.row(head) = scores.row(rows - 1);
      for (Index i = std::max(begin, queries - recorded); i < begin + rows; ++i) {
        auto row = result.recorded.row(head * recorded + i - (queries - recorded));
        row.head(end) = scores.row(i - begin);
        row.tail(tokens - end).setZero();
      }
    }
  }
  result.last_query = last_queries.colwise().mean();
  return result;
}

}  // namespace llama
