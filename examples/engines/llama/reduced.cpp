#include "reduced.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tamp/adapt/eigen.hpp>
#include <tamp/compute/gather.hpp>
#include <tamp/compute/text_attention.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/token/gather.hpp>
#include <tamp/token/renumber.hpp>
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

bool is_blind(const visual_computation& visual, std::size_t head) {
  return std::binary_search(visual.blind_heads.begin(), visual.blind_heads.end(), head);
}

/// The attention of heads that see the text alone, of hollow attention, or of all tokens.
tamp::compute::hollow_attention attention_of_seeing(const visual_computation& visual) {
  constexpr auto all = std::numeric_limits<std::size_t>::max();
  return visual.attention.value_or(tamp::compute::hollow_attention{.window = all});
}

/// Attention by the kinds of tokens; the heads are the threads' work.
matrix attend_by_kind(const config& c, const visual_computation& visual, const matrix& q,
                      const matrix& k, const matrix& v, std::span<const tamp::modality> kinds) {
  matrix context(q.rows(), q.cols());
  const tamp::compute::hollow_attention seeing = attention_of_seeing(visual);
  const float scale = attention_scale(c);
  for_each_sequence(std::size_t(c.heads), [&](std::size_t i) {
    const Index head = Index(i), kv_head = head / (c.heads / c.kv_heads);
    const auto of = [&](auto& m, Index which) {
      return columns(m, which * c.head_dim, c.head_dim);
    };
    const auto attend_with = [&](const auto& policy) {
      policy.attend(tamp::execute::sequential{}, of(q, head), of(k, kv_head), of(v, kv_head), kinds,
                    scale, of(context, head));
    };
    if (is_blind(visual, i))
      attend_with(tamp::compute::text_attention{});
    else
      attend_with(seeing);
  });
  return context;
}

/// The number of pairs of query and key of all heads together, as a share of one head's.
std::uint64_t multiply_adds_by_kind(const config& c, const visual_computation& visual,
                                    std::span<const tamp::modality> kinds) {
  const auto heads = std::uint64_t(c.heads), blind = std::uint64_t(visual.blind_heads.size());
  const auto shape = shape_of(c);
  return shape.pairs(attention_of_seeing(visual).products(kinds)) / heads * (heads - blind) +
         shape.pairs(tamp::compute::text_attention::products(kinds)) / heads * blind;
}

/// The text of a sequence, as one of its own.
sequence text_of(const sequence& s, std::span<const std::size_t> text) {
  matrix hidden(Index(text.size()), s.hidden.cols());
  for (std::size_t k = 0; k < text.size(); ++k) hidden.row(Index(k)) = s.hidden.row(Index(text[k]));
  sequence alone(std::move(hidden), std::vector<tamp::modality>(text.size(), tamp::modality::text));
  alone.gone = s.gone;
  alone.multiply_adds = s.multiply_adds;
  for (std::size_t k = 0; k < text.size(); ++k) {
    alone.positions[k] = s.positions[text[k]];
    if (!s.renumbered.empty()) alone.renumbered.push_back(s.renumbered[text[k]]);
    if (!s.sizes.empty()) alone.sizes.push_back(s.sizes[text[k]]);
  }
  return alone;
}

/// Runs a block on the text alone; the visual tokens stay as they are.
void run_on_text(const model& m, Index index, sequence& s, cached_block& cache) {
  const std::vector<std::size_t> text = tamp::compute::text_attention::text(s.kinds);
  sequence alone = text_of(s, text);
  finish_block(m, index, alone, attend_block(m, index, alone, cache, {}), {});
  for (std::size_t k = 0; k < text.size(); ++k)
    s.hidden.row(Index(text[k])) = alone.hidden.row(Index(k));
  s.multiply_adds = alone.multiply_adds;
}

/// Asks the selector which visual tokens of `s` stay, so that `keep` are left.
tamp::token::selection choose(const sequence& s, const attended_block& seen, const reduction& r,
                              Index index, std::size_t keep, Index heads) {
  return r.select({.kinds = s.kinds,
                   .attention = attention_of(seen, heads),
                   .hidden = view(s.hidden),
                   .keys = view(seen.plain_keys),
                   .grids = s.grids,
                   .positions = s.positions,
                   .sizes = s.sizes,
                   .layer = std::size_t(index),
                   .sequence = r.sequence},
                  {.keep = keep});
}

/// Drops or merges rows of as many tokens as `s` has.
void merge(matrix& rows, const tamp::token::selection& stay, const sequence& s) {
  tamp::token::merge_rows(rows, stay, s.sizes);
  rows.conservativeResize(Index(stay.kept.size()), rows.cols());
}

/// Drops or merges tokens of `s`.
void leave(sequence& s, const tamp::token::selection& stay, bool renumber) {
  const std::size_t before = s.kinds.size();
  merge(s.hidden, stay, s);
  if (stay.merges() || !s.sizes.empty()) s.sizes = tamp::token::merged_sizes(stay, s.sizes);
  tamp::token::gather_elements(s.kinds, stay.kept);
  s.grids.clear();
  if (renumber) {
    const std::size_t first = (s.renumbered.empty() ? s.positions : s.renumbered).front();
    s.renumbered.resize(s.kinds.size());
    tamp::token::renumber(s.renumbered, first);
    s.gone += before - s.kinds.size();
  }
  tamp::token::gather_elements(s.positions, stay.kept);
}

/// Drops or merges tokens between the two halves of a block. Their rows leave `cache`, too.
void leave_after_attention(sequence& s, cached_block& cache, attended_block& done,
                           const tamp::token::selection& stay, bool renumber) {
  merge(done.seen.context, stay, s);
  merge(cache.keys, stay, s);
  merge(cache.values, stay, s);
  tamp::token::gather_elements(cache.kinds, stay.kept);
  leave(s, stay, renumber);
}

/// The positions by which RoPE turns the tokens of `s` in a block.
std::vector<std::size_t> positions_in(const sequence& s, const cached_block& cache) {
  if (!s.renumbered.empty()) return s.renumbered;
  std::vector<std::size_t> positions = s.positions;
  for (std::size_t& position : positions) position -= cache.gone;  // tokens behind a prompt
  return positions;
}

/// The number of last queries of which a selector with these sights wants to see the attention.
Index recorded_queries(std::span<const tamp::modality> kinds, tamp::observable wanted) {
  using tamp::observable;
  Index recorded = 0;  // the last query is always at hand
  if (includes(wanted, observable::visual_queries) || includes(wanted, observable::text_queries))
    for (const run& r : runs(kinds))
      if (r.visual) {
        recorded =
            Index(kinds.size()) - (includes(wanted, observable::visual_queries) ? r.begin : r.end);
        if (includes(wanted, observable::visual_queries)) break;
      }
  if ((wanted & (observable::attention | observable::last_query)) != observable::none)
    recorded = std::max<Index>(recorded, 1);
  return recorded;
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

projected_block project_block(const model& m, Index index, sequence& s) {
  const block& b = m.blocks[std::size_t(index)];
  const config& c = m.config;
  const matrix x = rms_norm(s.hidden, b.attention_norm, c.rms_epsilon);
  const auto project = [&](layer l) {
    matrix y = linear(x, b.weights[l]);
    add_bias(b, l, y);
    return y;
  };
  projected_block p{project(q_proj), project(k_proj), project(v_proj)};
  normalise_heads(p.queries, b.query_norm, c.rms_epsilon);
  normalise_heads(p.keys, b.key_norm, c.rms_epsilon);
  s.multiply_adds += shape_of(c).projections(std::uint64_t(x.rows()));
  return p;
}

attended_block attend_block(const model& m, Index index, sequence& s, projected_block projected,
                            cached_block& cache, const visual_computation& visual,
                            tamp::observable wanted) {
  const config& c = m.config;
  const auto shape = shape_of(c);
  auto& [q, k, v] = projected;
  const Index tokens = q.rows(), before = cache.keys.rows();
  const rotary_embedding& rope = m.ends->rope_of(c, index);
  const std::vector<std::size_t> positions = positions_in(s, cache);
  attended_block done;
  if (includes(wanted, tamp::observable::keys)) done.plain_keys = k;
  rope(k, positions);
  rope(q, positions);
  if (before == 0) cache.gone = s.gone;
  cache.keys.conservativeResize(before + tokens, k.cols());
  cache.keys.bottomRows(tokens) = k;
  cache.values.conservativeResize(before + tokens, v.cols());
  cache.values.bottomRows(tokens) = v;
  cache.kinds.insert(cache.kinds.end(), s.kinds.begin(), s.kinds.end());

  const auto n = std::uint64_t(tokens);
  const Index recorded = recorded_queries(s.kinds, wanted);
  if (!visual.blind_heads.empty() || (visual.attention && before == 0)) {
    if (recorded != 0) fail("no tokens can be selected in a block of hollow attention");
    done.seen.context = attend_by_kind(c, visual, q, cache.keys, cache.values, cache.kinds);
    s.multiply_adds +=
        multiply_adds_by_kind(c, visual, cache.kinds) -
        multiply_adds_by_kind(c, visual, std::span(cache.kinds).first(std::size_t(before)));
  } else {
    done.seen = attend(c, q, cache.keys, cache.values, c.window_of(index), recorded);
    s.multiply_adds += shape.pairs(n * std::uint64_t(before) + n * (n + 1) / 2);
  }
  return done;
}

attended_block attend_block(const model& m, Index index, sequence& s, cached_block& cache,
                            const visual_computation& visual, tamp::observable wanted) {
  return attend_block(m, index, s, project_block(m, index, s), cache, visual, wanted);
}

attended_block rate_block(const model& m, Index index, sequence& s,
                          const projected_block& projected, tamp::observable wanted) {
  const config& c = m.config;
  attended_block seen;
  if (includes(wanted, tamp::observable::keys)) seen.plain_keys = projected.keys;
  const Index recorded = recorded_queries(s.kinds, wanted);
  if (recorded == 0) return seen;
  const rotary_embedding& rope = m.ends->rope_of(c, index);
  const std::vector<std::size_t> positions = positions_in(s, {});
  matrix q = projected.queries.bottomRows(recorded), k = projected.keys;
  rope(q, std::span(positions).last(std::size_t(recorded)));
  rope(k, positions);
  seen.seen = attend(c, q, k, projected.values, c.window_of(index), recorded);
  const auto queries = std::uint64_t(recorded), others = std::uint64_t(k.rows()) - queries;
  s.multiply_adds += shape_of(c).pairs(queries * others + queries * (queries + 1) / 2);
  return seen;
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

std::vector<tamp::compute::head_activity> head_activities(const model& m,
                                                          const std::vector<sequence>& samples) {
  using tamp::observable;
  std::vector<tamp::compute::head_activity> activities(m.blocks.size());
  for (sequence s : samples)
    for (Index b = 0; b < m.config.layers; ++b) {
      cached_block cache;
      const attended_block done =
          attend_block(m, b, s, cache, {}, observable::attention | observable::visual_queries);
      activities[std::size_t(b)].add(attention_of(done, m.config.heads), s.kinds);
      finish_block(m, b, s, done, {});
    }
  return activities;
}

matrix forward(const model& m, sequence& s, const reduction& r, std::vector<cached_block>& cache) {
  if (r.entering) leave(s, r.entering(s, r.sequence), r.renumber);
  const auto of_count = r.schedules.find(s.visual_tokens());
  const tamp::token::schedule& schedule =
      of_count == r.schedules.end() ? r.schedule : of_count->second;
  if (m.config.window && (!schedule.drops.empty() || !r.visual.empty()))
    fail("a sliding window counts the tokens that have left: this model cannot be reduced");
  cache.resize(m.blocks.size());
  static const visual_computation whole;
  for (Index b = 0; b < m.config.layers; ++b) {
    const visual_computation& visual = r.visual.empty() ? whole : r.visual.at(std::size_t(b));
    const std::size_t here = s.visual_tokens();
    const std::size_t drop =
        schedule.drops.empty() ? 0 : std::min(here, schedule.drops.at(std::size_t(b)));
    using tamp::observable;
    using tamp::token::departure;
    const auto leaves = [&](departure place) { return drop != 0 && schedule.leave == place; };
    const auto chosen = [&](const attended_block& seen) {
      return choose(s, seen, r, b, here - drop, m.config.heads);
    };
    cached_block& mine = cache[std::size_t(b)];
    if (drop != 0 && mine.keys.rows() != 0)
      fail("tokens leave while the prompt is read, not after");
    if (visual.text_alone && here != 0) {
      if (drop != 0) fail("no tokens can be selected in a block that sees the text alone");
      run_on_text(m, b, s, mine);
      continue;
    }
    projected_block projected = project_block(m, b, s);
    if (leaves(departure::before_layer)) {
      const tamp::token::selection stay = chosen(rate_block(m, b, s, projected, r.reads));
      if (!stay.merges())  // the others' queries, keys and values stay what they are
        for (matrix* rows : {&projected.queries, &projected.keys, &projected.values})
          merge(*rows, stay, s);
      leave(s, stay, r.renumber);
      if (stay.merges()) projected = project_block(m, b, s);
    }
    const bool looks = leaves(departure::after_attention) || leaves(departure::after_layer);
    attended_block done = attend_block(m, b, s, std::move(projected), mine, visual,
                                       looks ? r.reads : observable::none);
    if (leaves(departure::after_attention))
      leave_after_attention(s, mine, done, chosen(done), r.renumber);
    finish_block(m, b, s, done, visual);
    if (leaves(departure::after_layer)) leave(s, chosen(done), r.renumber);
  }
  return rms_norm(s.hidden, m.ends->norm, m.config.rms_epsilon);
}

matrix forward(const model& m, sequence& s, const reduction& r) {
  std::vector<cached_block> cache;
  return forward(m, s, r, cache);
}

}  // namespace llama
