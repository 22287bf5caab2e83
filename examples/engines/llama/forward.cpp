#include "forward.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace llama {

matrix rms_norm(const matrix& x, const row_vector& gain, float epsilon) {
  matrix y(x.rows(), x.cols());
  for (Index t = 0; t < x.rows(); ++t) {
    const float mean_square = x.row(t).squaredNorm() / float(x.cols());
    y.row(t) = x.row(t).cwiseProduct(gain) * (1.0f / std::sqrt(mean_square + epsilon));
  }
  return y;
}

matrix linear(const matrix& x, const Eigen::Ref<const matrix>& w) {
  constexpr Index slice = 96;
  matrix y(x.rows(), w.rows());
#pragma omp parallel for schedule(dynamic)
  for (Index begin = 0; begin < w.rows(); begin += slice) {
    const Index count = std::min(slice, w.rows() - begin);
    y.middleCols(begin, count).noalias() = x * w.middleRows(begin, count).transpose();
  }
  return y;
}

void gated_linear_unit(matrix& gate, const matrix& up) {
  gate.array() *= up.array() / (1.0f + (-gate.array()).exp());
}

void forward_block(const model& m, Index index, matrix& hidden, null_observer& observer) {
  const block& b = m.blocks[std::size_t(index)];
  const auto project = [&](layer l, const matrix& x) {
    observer.input(l, x);
    matrix y = linear(x, b.weights[l]);
    observer.output(l, y);
    return y;
  };

  matrix x = rms_norm(hidden, b.input_norm, m.config.rms_epsilon);
  matrix q = project(q_proj, x), k = project(k_proj, x);
  const matrix v = project(v_proj, x);
  m.ends->rope(q);
  m.ends->rope(k);
  const attention attended = attend(m.config, q, k, v);
  observer.attention(attended.last_query);
  hidden += project(o_proj, attended.context);

  x = rms_norm(hidden, b.post_attention_norm, m.config.rms_epsilon);
  matrix gate = project(gate_proj, x);
  gated_linear_unit(gate, project(up_proj, x));
  hidden += project(down_proj, gate);
}

void forward_block(const model& m, Index index, matrix& hidden) {
  null_observer nobody;
  forward_block(m, index, hidden, nobody);
}

matrix embed(const model& m, std::span<const int> tokens) {
  matrix hidden(Index(tokens.size()), m.config.hidden);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] < 0 || tokens[t] >= m.config.vocabulary)
      fail("token ", tokens[t], " at position ", t, " is outside the vocabulary of ",
           m.config.vocabulary);
    hidden.row(Index(t)) = m.ends->embedding.row(tokens[t]);
  }
  return hidden;
}

matrix forward(const model& m, matrix hidden) {
  for (Index b = 0; b < m.config.layers; ++b) forward_block(m, b, hidden);
  return rms_norm(hidden, m.ends->norm, m.config.rms_epsilon);
}

}  // namespace llama
