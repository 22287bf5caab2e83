#include "reduced.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <tamp/adapt/eigen.hpp>
#include <tamp/compute/gather.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/token/gather.hpp>
#include <utility>

#include "parallel.hpp"

namespace llama {
namespace {

struct run {
  Index begin = 0, end = 0;
  bool visual = false;
  Index size() const { return end - begin; }
};

/// Unbroken runs of text, and of one visual kind.
std::vector<run> runs(std::span<const tamp::modality> kinds) {
  std::vector<run> all;
  for (std::size_t t = 0; t < kinds.size(); ++t) {
    if (t == 0 || kinds[t] != kinds[t - 1])
      all.push_back({Index(t), Index(t), kinds[t] != tamp::modality::text});
    all.back().end = Index(t) + 1;
  }
  return all;
}

tamp::matrix_view<const float> view(const matrix& m) {
  return {m.data(), std::size_t(m.rows()), std::size_t(m.cols())};
}

/// The `columns` columns of each row from `first` on, as a view.
template <class Matrix>
auto columns(Matrix& m, Index first, Index columns) {
  return tamp::row_major(m.data() + first, std::size_t(m.rows()), std::size_t(columns),
                         std::size_t(m.cols()));
}

/// Hollow attention; the heads are the threads' work.
matrix attend_hollow(const config& c, const tamp::compute::hollow_attention& hollow,
                     const matrix& q, const matrix& k, const matrix& v,
                     std::span<const tamp::modality> kinds) {
  matrix context(q.rows(), q.cols());
  const float scale = attention_scale(c);
  for_each_sequence(std::size_t(c.heads), [&](std::size_t i) {
    const Index head = Index(i), kv_head = head / (c.heads / c.kv_heads);
    const auto of = [&](auto& m, Index which) {
      return columns(m, which * c.head_dim, c.head_dim);
    };
    hollow.attend(tamp::execute::sequential{}, of(q, head), of(k, kv_head), of(v, kv_head), kinds,
                  scale, of(context, head));
  });
  return context;
}

/// Drops or merges visual tokens of `s` between the two halves of a block, so that `keep` are left.
/// Their rows leave `cache`, too.
void reduce_tokens(sequence& s, cached_block& cache, attended_block& done, const reduction& r,
                   Index index, std::size_t keep, Index heads) {
  const tamp::token::context c{.kinds = s.kinds,
                               .attention = attention_of(done, heads),
                               .hidden = view(s.hidden),
                               .keys = view(done.plain_keys),
                               .positions = s.positions,
                               .sizes = s.sizes,
                               .layer = std::size_t(index),
                               .sequence = r.sequence};
  const std::size_t tokens = s.kinds.size();
  const tamp::token::selection stay = r.select(c, {.keep = keep});
  const auto merge = [&](matrix& rows) {
    tamp::token::merge_rows(rows, stay, s.sizes);
    rows.conservativeResize(Index(stay.kept.size()), rows.cols());
  };
  merge(s.hidden);
  merge(done.seen.context);
  if (std::size_t(cache.keys.rows()) != tokens)
    fail("tokens leave while the prompt is read, not after");
  merge(cache.keys);
  merge(cache.values);
  tamp::token::gather_elements(cache.kinds, stay.kept);
  if (stay.merges() || !s.sizes.empty()) s.sizes = tamp::token::merged_sizes(stay, s.sizes);
  tamp::token::gather_elements(s.kinds, stay.kept);
  tamp::token::gather_elements(s.positions, stay.kept);
}

/// The feed-forward part of some rows, of all channels or of those that matter to them.
matrix feed_forward(const config& c, const block& b, const matrix& x,
                    const std::optional<tamp::compute::dynamic_ffn>& dynamic,
                    const tamp::block_shape& shape, std::uint64_t& multiply_adds) {
  const auto rows = std::uint64_t(x.rows());
  const auto gated = [&](const matrix& features, const matrix& gate, const matrix& up) {
    matrix hidden = linear(features, gate);
    gated_linear_unit(hidden, linear(features, up), c.activation);
    return hidden;
  };
  if (!dynamic) {
    multiply_adds += shape.feed_forward(rows);
    return linear(gated(x, b.weights[gate_proj], b.weights[up_proj]), b.weights[down_proj]);
  }
  const tamp::execute::openmp exec{omp_get_max_threads()};
  const std::vector<std::size_t> probe = dynamic->probe(std::size_t(rows));
  matrix probed(Index(probe.size()), x.cols());
  for (std::size_t p = 0; p < probe.size(); ++p) probed.row(Index(p)) = x.row(Index(probe[p]));
  const matrix hidden = gated(probed, b.weights[gate_proj], b.weights[up_proj]);
  const std::vector<std::size_t> channels = dynamic->channels_of_probe(exec, hidden);
  const auto count = Index(channels.size());
  matrix gate(count, x.cols()), up(count, x.cols()), down(b.weights[down_proj].rows(), count);
  tamp::compute::gather_rows(exec, b.weights[gate_proj], channels, gate);
  tamp::compute::gather_rows(exec, b.weights[up_proj], channels, up);
  tamp::compute::gather_columns(exec, b.weights[down_proj], channels, down);
  if (!dynamic->whole_probe) {
    multiply_adds += shape.channels(rows, std::uint64_t(count)) +
                     shape.channels(probe.size(), shape.ffn) * 2 / 3;
    return linear(gated(x, gate, up), down);
  }
  multiply_adds +=
      shape.channels(rows - probe.size(), std::uint64_t(count)) + shape.feed_forward(probe.size());
  matrix others(x.rows() - probed.rows(), x.cols());
  const auto is_probed = [&](Index row) {
    return std::binary_search(probe.begin(), probe.end(), std::size_t(row));
  };
  for (Index row = 0, next = 0; row < x.rows(); ++row)
    if (!is_probed(row)) others.row(next++) = x.row(row);
  const matrix of_probe = linear(hidden, b.weights[down_proj]);
  const matrix of_others = linear(gated(others, gate, up), down);
  matrix y(x.rows(), of_probe.cols());
  for (Index row = 0, next = 0, p = 0; row < x.rows(); ++row)
    y.row(row) = is_probed(row) ? of_probe.row(p++) : of_others.row(next++);
  return y;
}

}  // namespace

sequence::sequence(matrix embeddings, std::vector<tamp::modality> kinds_of_tokens,
                   std::size_t first_position)
    : hidden(std::move(embeddings)), kinds(std::move(kinds_of_tokens)) {
  if (std::size_t(hidden.rows()) != kinds.size())
    fail(kinds.size(), " kinds for ", hidden.rows(), " tokens");
  for (std::size_t t = 0; t < kinds.size(); ++t) positions.push_back(first_position + t);
}

std::size_t sequence::visual_tokens() const {
  std::size_t count = 0;
  for (const auto kind : kinds) count += kind != tamp::modality::text;
  return count;
}

tamp::block_shape shape_of(const config& c) {
  return {std::uint64_t(c.hidden), std::uint64_t(c.heads * c.head_dim),
          std::uint64_t(c.kv_heads * c.head_dim), std::uint64_t(c.ffn)};
}

attended_block attend_block(const model& m, Index index, sequence& s, cached_block& cache,
                            const visual_computation& visual, tamp::observable wanted) {
  using tamp::observable;
  const block& b = m.blocks[std::size_t(index)];
  const config& c = m.config;
  const auto shape = shape_of(c);
  const matrix x = rms_norm(s.hidden, b.attention_norm, c.rms_epsilon);
  const auto project = [&](layer l) {
    matrix y = linear(x, b.weights[l]);
    add_bias(b, l, y);
    return y;
  };
  const Index tokens = x.rows();
  const rotary_embedding& rope = m.ends->rope_of(c, index);
  attended_block done;
  matrix k = project(k_proj);
  normalise_heads(k, b.key_norm, c.rms_epsilon);
  if (includes(wanted, observable::keys)) done.plain_keys = k;
  rope(k, s.positions);
  const matrix v = project(v_proj);
  const Index before = cache.keys.rows();
  cache.keys.conservativeResize(before + tokens, k.cols());
  cache.keys.bottomRows(tokens) = k;
  cache.values.conservativeResize(before + tokens, v.cols());
  cache.values.bottomRows(tokens) = v;
  cache.kinds.insert(cache.kinds.end(), s.kinds.begin(), s.kinds.end());

  matrix q = project(q_proj);
  normalise_heads(q, b.query_norm, c.rms_epsilon);
  rope(q, s.positions);

  const auto n = std::uint64_t(tokens);
  s.multiply_adds += shape.projections(n);
  Index recorded = 0;  // the last query is always at hand
  if (includes(wanted, observable::visual_queries) || includes(wanted, observable::text_queries))
    for (const run& r : runs(s.kinds))
      if (r.visual) {
        recorded = tokens - (includes(wanted, observable::visual_queries) ? r.begin : r.end);
        if (includes(wanted, observable::visual_queries)) break;
      }
  if ((wanted & (observable::attention | observable::last_query)) != observable::none)
    recorded = std::max<Index>(recorded, 1);

  if (visual.attention && before == 0) {
    if (recorded != 0) fail("no tokens can be selected in a block of hollow attention");
    done.seen.context = attend_hollow(c, *visual.attention, q, cache.keys, cache.values, s.kinds);
    s.multiply_adds += shape.pairs(visual.attention->products(s.kinds));
  } else {
    done.seen = attend(c, q, cache.keys, cache.values, c.window_of(index), recorded);
    s.multiply_adds += shape.pairs(n * std::uint64_t(before) + n * (n + 1) / 2);
  }
  return done;
}

tamp::token::attention_view attention_of(const attended_block& done, Index heads) {
  const matrix& recorded = done.seen.recorded;
  if (recorded.size() == 0) return {};
  const auto queries = std::size_t(recorded.rows() / heads), tokens = std::size_t(recorded.cols());
  return {std::span(recorded.data(), std::size_t(recorded.size())), std::size_t(heads), queries,
          tokens, tokens - queries};
}

void finish_block(const model& m, Index index, sequence& s, const attended_block& done,
                  const visual_computation& visual) {
  const block& b = m.blocks[std::size_t(index)];
  const config& c = m.config;
  const auto shape = shape_of(c);
  add_to_stream(s.hidden, linear(done.seen.context, b.weights[o_proj]), b.attention_output_norm,
                c.rms_epsilon);
  const matrix x = rms_norm(s.hidden, b.ffn_norm, c.rms_epsilon);
  const auto add = [&](Index begin, Index size, const matrix& y) {
    add_to_stream(s.hidden.middleRows(begin, size), y, b.ffn_output_norm, c.rms_epsilon);
  };
  s.multiply_adds += shape.output(std::uint64_t(x.rows()));
  if (!visual.ffn || s.visual_tokens() == 0) {
    add(0, x.rows(), feed_forward(c, b, x, {}, shape, s.multiply_adds));
    return;
  }
  // Each image chooses channels of its own. Text goes through the whole weights, all of it
  // together: products of few rows are slow.
  matrix text(x.rows() - Index(s.visual_tokens()), x.cols());
  Index filled = 0;
  const std::vector<run> all = runs(s.kinds);
  for (const run& r : all) {
    const auto rows = x.middleRows(r.begin, r.size());
    if (r.visual) {
      add(r.begin, r.size(), feed_forward(c, b, rows, visual.ffn, shape, s.multiply_adds));
    } else {
      text.middleRows(filled, r.size()) = rows;
      filled += r.size();
    }
  }
  text = feed_forward(c, b, text, {}, shape, s.multiply_adds);
  filled = 0;
  for (const run& r : all)
    if (!r.visual) {
      add(r.begin, r.size(), text.middleRows(filled, r.size()));
      filled += r.size();
    }
}

matrix forward(const model& m, sequence& s, const reduction& r, std::vector<cached_block>& cache) {
  if (m.config.window && (!r.schedule.drops.empty() || !r.visual.empty()))
    fail("a sliding window counts the tokens that have left: this model cannot be reduced");
  cache.resize(m.blocks.size());
  static const visual_computation whole;
  for (Index b = 0; b < m.config.layers; ++b) {
    const visual_computation& visual = r.visual.empty() ? whole : r.visual.at(std::size_t(b));
    const std::size_t here = s.visual_tokens();
    const std::size_t drop =
        r.schedule.drops.empty() ? 0 : std::min(here, r.schedule.drops.at(std::size_t(b)));
    using tamp::observable;
    attended_block done = attend_block(m, b, s, cache[std::size_t(b)], visual,
                                       drop == 0 ? observable::none : r.reads);
    if (drop != 0) reduce_tokens(s, cache[std::size_t(b)], done, r, b, here - drop, m.config.heads);
    finish_block(m, b, s, done, visual);
  }
  return rms_norm(s.hidden, m.ends->norm, m.config.rms_epsilon);
}

matrix forward(const model& m, sequence& s, const reduction& r) {
  std::vector<cached_block> cache;
  return forward(m, s, r, cache);
}

}  // namespace llama
