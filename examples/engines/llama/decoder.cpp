#include "decoder.hpp"

#include <numeric>

#include "attention.hpp"
#include "forward.hpp"

namespace llama {

decoder::decoder(const stored_model& m, Index positions, int threads) : model_(m), exec_{threads} {
  const Index width = m.config.kv_heads * m.config.head_dim;
  for (std::size_t b = 0; b < m.blocks.size(); ++b) {
    keys_.emplace_back(positions, width);
    values_.emplace_back(positions, width);
  }
}

row_vector decoder::feed(std::span<const int> tokens) {
  const Index count = Index(tokens.size());
  if (count == 0) fail("there is no token to feed");
  if (fed_ + count > keys_.front().rows())
    fail(fed_ + count, " tokens are more than the decoder's ", keys_.front().rows(), " positions");
  std::vector<std::size_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), std::size_t(fed_));

  matrix hidden(count, model_.config.hidden);
  for (Index t = 0; t < count; ++t) {
    const int token = tokens[std::size_t(t)];
    if (token < 0 || token >= model_.config.vocabulary)
      fail("token ", token, " is outside the vocabulary of ", model_.config.vocabulary);
    hidden.row(t) = model_.ends->embedding.row(token);
  }
  for (std::size_t b = 0; b < model_.blocks.size(); ++b) {
    const stored_block& block = model_.blocks[b];
    const auto project = [&](layer l, const matrix& x) { return block.layers[l](exec_, x); };
    matrix x = rms_norm(hidden, block.input_norm, model_.config.rms_epsilon);
    matrix q = project(q_proj, x), k = project(k_proj, x);
    model_.ends->rope(q, positions);
    model_.ends->rope(k, positions);
    keys_[b].middleRows(fed_, count) = k;
    values_[b].middleRows(fed_, count) = project(v_proj, x);
    const attention attended =
        attend(model_.config, q, keys_[b].topRows(fed_ + count), values_[b].topRows(fed_ + count));
    hidden += project(o_proj, attended.context);
    x = rms_norm(hidden, block.post_attention_norm, model_.config.rms_epsilon);
    matrix gate = project(gate_proj, x);
    gated_linear_unit(gate, project(up_proj, x));
    hidden += project(down_proj, gate);
  }
  fed_ += count;
  const matrix last = rms_norm(hidden.bottomRows(1), model_.ends->norm, model_.config.rms_epsilon);
  return model_.head(exec_, last);
}

int choice(const row_vector& logits) {
  Index best = 0;
  logits.maxCoeff(&best);
  return int(best);
}

}  // namespace llama
