#include "decoder.hpp"

#include <numeric>

#include "attention.hpp"
#include "forward.hpp"

namespace llama {

decoder::decoder(const stored_model& m, Index positions, int threads) : model_(m), exec_{threads} {
  for (std::size_t b = 0; b < m.blocks.size(); ++b) {
    const Index width = m.blocks[b].layers[k_proj].rows();
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

  const config& c = model_.config;
  matrix hidden = embed(c, *model_.ends, tokens);
  for (std::size_t b = 0; b < model_.blocks.size(); ++b) {
    const stored_block& block = model_.blocks[b];
    const auto project = [&](layer l, const matrix& x) {
      matrix y = block.layers[l](exec_, x);
      add_bias(block, l, y);
      return y;
    };
    matrix x = rms_norm(hidden, block.attention_norm, c.rms_epsilon);
    matrix q = project(q_proj, x), k = project(k_proj, x);
    normalise_heads(q, block.query_norm, c.rms_epsilon);
    normalise_heads(k, block.key_norm, c.rms_epsilon);
    const rotary_embedding& rope = model_.ends->rope_of(c, Index(b));
    rope(q, positions);
    rope(k, positions);
    keys_[b].middleRows(fed_, count) = k;
    values_[b].middleRows(fed_, count) = project(v_proj, x);
    const attention attended = attend(c, q, keys_[b].topRows(fed_ + count),
                                      values_[b].topRows(fed_ + count), c.window_of(Index(b)));
    add_to_stream(hidden, project(o_proj, attended.context), block.attention_output_norm,
                  c.rms_epsilon);
    x = rms_norm(hidden, block.ffn_norm, c.rms_epsilon);
    matrix gate = project(gate_proj, x);
    gated_linear_unit(gate, project(up_proj, x), c.activation);
    add_to_stream(hidden, project(down_proj, gate), block.ffn_output_norm, c.rms_epsilon);
  }
  fed_ += count;
  const matrix last = rms_norm(hidden.bottomRows(1), model_.ends->norm, c.rms_epsilon);
  return model_.head(exec_, last);
}

int choice(const row_vector& logits) {
  Index best = 0;
  logits.maxCoeff(&best);
  return int(best);
}

}  // namespace llama
