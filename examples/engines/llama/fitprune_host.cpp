#include "fitprune_host.hpp"

#include <tamp/adapt/eigen.hpp>
#include <tamp/token/fitprune.hpp>
#include <tamp/token/gather.hpp>

namespace llama {

void record_attention(const model& m, const std::vector<sequence>& samples,
                      const std::function<void(tamp::token::attention_record)>& add) {
  for (const sequence& sample : samples) {
    sequence s = sample;
    for (Index b = 0; b < m.config.layers; ++b) {
      cached_block cache;
      const attended_block done = attend_block(m, b, s, cache, {}, tamp::token::fitprune::reads);
      add(tamp::token::attention_record::of(
          {.kinds = s.kinds, .attention = attention_of(done, m.config.heads)}));
      finish_block(m, b, s, done, {});
    }
  }
}

fitprune_host::fitprune_host(const model& m, const std::vector<sequence>& samples)
    : model_(m), samples_(samples), states_(samples.size()) {}

tamp::token::received_attention fitprune_host::operator()(std::size_t sample, std::size_t layer,
                                                          std::span<const std::size_t> left) {
  state& now = states_[sample];
  if (layer == 0) {
    now.s.emplace(samples_[sample]);
    now.visual.assign(left.begin(), left.end());
  } else {
    // The tokens that the layer before has dropped leave behind its attention.
    std::vector<std::size_t> kept;
    std::size_t v = 0, l = 0;
    for (std::size_t t = 0; t < now.s->kinds.size(); ++t) {
      const bool visual = now.s->kinds[t] != tamp::modality::text;
      if (!visual || (l < left.size() && now.visual[v] == left[l])) kept.push_back(t);
      l += visual && l < left.size() && now.visual[v] == left[l];
      v += visual;
    }
    const auto keep = [&](matrix& rows) {
      tamp::token::gather_rows(rows, kept);
      rows.conservativeResize(Index(kept.size()), rows.cols());
    };
    keep(now.s->hidden);
    keep(now.done.seen.context);
    tamp::token::gather_elements(now.s->kinds, kept);
    tamp::token::gather_elements(now.s->positions, kept);
    now.visual.assign(left.begin(), left.end());
    finish_block(model_, Index(layer) - 1, *now.s, now.done, {});
  }
  cached_block cache;
  now.done = attend_block(model_, Index(layer), *now.s, cache, {}, tamp::token::fitprune::reads);
  if (left.empty()) return {};
  return tamp::token::fitprune::statistics(
      {.kinds = now.s->kinds, .attention = attention_of(now.done, model_.config.heads)});
}

}  // namespace llama
