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

void gated_linear_unit(matrix& gate, const matrix& up, activation bend) {
  const auto x = gate.array();
  // gelu(x) = x / 2 (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
  if (bend == activation::gelu)
    gate.array() *= up.array() / (1.0f + (-1.5957691f * x * (1.0f + 0.044715f * x * x)).exp());
  else
    gate.array() *= up.array() / (1.0f + (-x).exp());
}

void add_bias(const block_vectors& b, layer l, matrix& y) {
  if (b.biases[l].size() != 0) y.rowwise() += b.biases[l];
}

void normalise_heads(matrix& x, const row_vector& gain, float epsilon) {
  if (gain.size() == 0) return;
  // Heads lie one after another: each is a row.
  Eigen::Map<matrix> heads(x.data(), x.size() / gain.size(), gain.size());
  heads = rms_norm(heads, gain, epsilon);
}

void add_to_stream(Eigen::Ref<matrix> hidden, const matrix& y, const row_vector& gain,
                   float epsilon) {
  if (gain.size() == 0)
    hidden += y;
  else
    hidden += rms_norm(y, gain, epsilon);
}

void forward_block(const model& m, Index index, matrix& hidden, null_observer& observer) {
  const block& b = m.blocks[std::size_t(index)];
  const config& c = m.config;
  const auto project = [&](layer l, const matrix& x) {
    observer.input(l, x);
    matrix y = linear(x, b.weights[l]);
    add_bias(b, l, y);
    observer.output(l, y);
    return y;
  };

  matrix x = rms_norm(hidden, b.attention_norm, c.rms_epsilon);
  matrix q = project(q_proj, x), k = project(k_proj, x);
  const matrix v = project(v_proj, x);
  normalise_heads(q, b.query_norm, c.rms_epsilon);
  normalise_heads(k, b.key_norm, c.rms_epsilon);
  const rotary_embedding& rope = m.ends->rope_of(c, index);
  rope(q);
  rope(k);
  const attention attended =
      attend(c, q, k, v, c.window_of(index), observer.recorded_queries(hidden.rows()));
  observer.attention(attended.last_query);
  const matrix y = project(o_proj, attended.context);
  observer.carried(attended, v, y);
  add_to_stream(hidden, y, b.attention_output_norm, c.rms_epsilon);

  x = rms_norm(hidden, b.ffn_norm, c.rms_epsilon);
  matrix gate = project(gate_proj, x);
  gated_linear_unit(gate, project(up_proj, x), c.activation);
  add_to_stream(hidden, project(down_proj, gate), b.ffn_output_norm, c.rms_epsilon);
}

void forward_block(const model& m, Index index, matrix& hidden) {
  null_observer nobody;
  forward_block(m, index, hidden, nobody);
}

matrix embed(const config& c, const ends& e, std::span<const int> tokens) {
  matrix hidden(Index(tokens.size()), c.hidden);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] < 0 || tokens[t] >= c.vocabulary)
      fail("token ", tokens[t], " at position ", t, " is outside the vocabulary of ", c.vocabulary);
    hidden.row(Index(t)) = e.embedding.row(tokens[t]) * c.embedding_scale;
  }
  return hidden;
}

matrix embed(const model& m, std::span<const int> tokens) {
  return embed(m.config, *m.ends, tokens);
}

matrix forward(const model& m, matrix hidden) {
  for (Index b = 0; b < m.config.layers; ++b) forward_block(m, b, hidden);
  return rms_norm(hidden, m.ends->norm, m.config.rms_epsilon);
}

}  // namespace llama
