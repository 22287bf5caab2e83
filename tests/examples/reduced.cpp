// The engine with less to compute, and the study of it.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <llama/fitprune_host.hpp>
#include <llama/reduced.hpp>
#include <numeric>
#include <random>
#include <string>
#include <study/prompts.hpp>
#include <study/reduce_model.hpp>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/fitprune.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/random_choice.hpp>
#include <tamp/token/schedule.hpp>
#include <tamp/token/tome.hpp>
#include <vector>

#include "../support/thorough.hpp"

namespace {

using llama::Index;
using llama::matrix;
using tamp::modality;

const std::string tiny = TAMP_SOURCE_DIR "/examples/data/tiny_mllm/tiny_mllm.safetensors";

matrix random_matrix(Index rows, Index cols, std::mt19937& generator, float deviation) {
  std::normal_distribution<float> normal(0.0f, deviation);
  return matrix::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

llama::model random_model(Index layers) {
  llama::config c;
  c.hidden = 12;
  c.layers = layers;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 4;
  c.ffn = 20;
  c.vocabulary = 11;
  c.positions = 64;
  c.tied_head = true;
  std::mt19937 generator(7);
  return llama::assemble(c, [&](const std::string&, Index rows, Index cols) {
    return rows == 1 ? matrix(matrix::Ones(1, cols)) : random_matrix(rows, cols, generator, 0.4f);
  });
}

// `before` tokens of text, an image, `after` tokens of text.
llama::sequence prompt(const llama::model& m, Index before, Index visual, Index after) {
  std::mt19937 generator(3);
  std::vector<modality> kinds(std::size_t(before + visual + after), modality::text);
  std::fill_n(kinds.begin() + before, visual, modality::image);
  return {random_matrix(before + visual + after, m.config.hidden, generator, 1.0f), kinds};
}

float largest_difference(const matrix& a, const matrix& b) {
  BOOST_TEST_REQUIRE(a.rows() == b.rows());
  return (a - b).cwiseAbs().maxCoeff();
}

// The rows that the head reads.
matrix rows_of(const matrix& m, Index first, Index count) { return m.middleRows(first, count); }

}  // namespace

BOOST_AUTO_TEST_SUITE(examples_reduced)

BOOST_AUTO_TEST_CASE(without_a_reduction_it_is_the_dense_engine) {
  const llama::model m = random_model(3);
  llama::sequence s = prompt(m, 2, 20, 5);
  const matrix dense = llama::forward(m, s.hidden);
  BOOST_TEST((llama::forward(m, s, {}).array() == dense.array()).all());
  const auto shape = llama::shape_of(m.config);
  BOOST_TEST(s.multiply_adds == 3 * (shape.projections(27) + shape.pairs(27 * 28 / 2) +
                                     shape.output(27) + shape.feed_forward(27)));
}

BOOST_AUTO_TEST_CASE(a_cache_goes_on_where_the_prompt_ended) {
  const llama::model m = random_model(2);
  const llama::sequence whole = prompt(m, 2, 9, 6);
  const matrix expected = llama::forward(m, whole.hidden);
  std::vector<llama::cached_block> cache;
  llama::sequence first(rows_of(whole.hidden, 0, 13),
                        {whole.kinds.begin(), whole.kinds.begin() + 13});
  llama::forward(m, first, {}, cache);
  for (Index t = 13; t < 17; ++t) {
    llama::sequence next(rows_of(whole.hidden, t, 1), {modality::text}, std::size_t(t));
    BOOST_CHECK_SMALL(
        largest_difference(llama::forward(m, next, {}, cache), rows_of(expected, t, 1)), 1e-4f);
  }
  BOOST_TEST(cache[1].keys.rows() == 17);
}

// Text sees only what is left. RoPE knows distances alone, so that a prompt that has lost its first
// tokens is the prompt that begins after them.
BOOST_AUTO_TEST_CASE(tokens_that_left_are_gone_from_the_layers_behind) {
  const llama::model m = random_model(4);
  llama::sequence s = prompt(m, 0, 8, 6);
  matrix hidden = s.hidden;
  for (Index b = 0; b < 2; ++b) llama::forward_block(m, b, hidden);
  matrix rest = hidden.bottomRows(6);
  for (Index b = 2; b < 4; ++b) llama::forward_block(m, b, rest);
  const matrix expected = llama::rms_norm(rest, m.ends->norm, m.config.rms_epsilon);

  llama::reduction r;
  r.use(tamp::token::attention_top_k{});
  r.schedule.drops = {0, 8, 0, 0};
  std::vector<llama::cached_block> cache;
  BOOST_CHECK_SMALL(largest_difference(llama::forward(m, s, r, cache), expected), 1e-4f);
  BOOST_TEST(s.visual_tokens() == 0u);
  BOOST_TEST(s.positions == (std::vector<std::size_t>{8, 9, 10, 11, 12, 13}),
             boost::test_tools::per_element());
  BOOST_TEST(cache[0].keys.rows() == 14);
  BOOST_TEST(cache[1].keys.rows() == 6);  // the rows of those that left are gone
  BOOST_TEST(cache[3].kinds.size() == 6u);
}

// A layer's own queries and keys choose among what the layer before hands on, and the layer is
// computed without those that leave.
BOOST_AUTO_TEST_CASE(tokens_leave_in_front_of_a_layer_by_its_own_attention) {
  const llama::model m = random_model(4);
  const llama::sequence whole = prompt(m, 3, 9, 4);
  // Dense up to layer 2, whose attention is looked at, and no more of it.
  llama::sequence looking = whole;
  for (Index b = 0; b < 2; ++b) llama::forward_block(m, b, looking.hidden);
  llama::sequence seen = looking;
  llama::cached_block unused;
  const auto look =
      llama::attend_block(m, 2, seen, unused, {}, tamp::token::attention_top_k::reads);
  const auto stay = tamp::token::select(
      {.kinds = seen.kinds, .attention = llama::attention_of(look, m.config.heads)},
      tamp::token::attention_top_k{}, {.keep = 4});
  // The rest of the model, on those that stay.
  llama::sequence rest = looking;
  matrix left(Index(stay.kept.size()), m.config.hidden);
  rest.positions.clear();
  rest.kinds.clear();
  for (std::size_t k = 0; k < stay.kept.size(); ++k) {
    left.row(Index(k)) = looking.hidden.row(Index(stay.kept[k]));
    rest.positions.push_back(stay.kept[k]);
    rest.kinds.push_back(looking.kinds[stay.kept[k]]);
  }
  rest.hidden = left;
  const auto finish = [&](llama::sequence s) {
    for (Index b = 2; b < 4; ++b) {
      llama::cached_block cache;
      llama::finish_block(m, b, s, llama::attend_block(m, b, s, cache, {}), {});
    }
    return llama::rms_norm(s.hidden, m.ends->norm, m.config.rms_epsilon);
  };

  llama::reduction r;
  r.use(tamp::token::attention_top_k{});
  r.schedule = {{0, 0, 5, 0}, tamp::token::departure::before_layer};
  llama::sequence s = whole;
  std::vector<llama::cached_block> cache;
  BOOST_CHECK_SMALL(largest_difference(llama::forward(m, s, r, cache), finish(rest)), 1e-4f);
  BOOST_TEST(s.positions == stay.kept, boost::test_tools::per_element());
  BOOST_TEST(cache[1].keys.rows() == 16);
  BOOST_TEST(cache[2].keys.rows() == 11);  // the layer never had the others
  // Two layers of 16, two of 11, the projections of 5 more, and one row of attention.
  const auto shape = llama::shape_of(m.config);
  const auto block = [&](std::uint64_t n) {
    return shape.projections(n) + shape.pairs(n * (n + 1) / 2) + shape.output(n) +
           shape.feed_forward(n);
  };
  BOOST_TEST(s.multiply_adds ==
             2 * block(16) + 2 * block(11) + shape.projections(5) + shape.pairs(16));

  // The attention of the layer before chooses others: they differ where the layers do.
  llama::sequence before = whole;
  r.schedule = {{0, 5, 0, 0}, tamp::token::departure::after_layer};
  llama::forward(m, before, r);
  BOOST_TEST((before.positions != s.positions));

  // Renumbered, RoPE sees no gaps, and the kept tokens say where they stood.
  r.schedule = {{0, 0, 5, 0}, tamp::token::departure::before_layer};
  r.renumber = true;
  llama::sequence renumbered = whole;
  rest.positions.resize(11);
  std::iota(rest.positions.begin(), rest.positions.end(), std::size_t{0});
  BOOST_CHECK_SMALL(largest_difference(llama::forward(m, renumbered, r), finish(rest)), 1e-4f);
  BOOST_TEST(renumbered.positions == stay.kept, boost::test_tools::per_element());
  BOOST_TEST(renumbered.renumbered == rest.positions, boost::test_tools::per_element());
}

// Behind layer 1 is in front of layer 2, but for who chooses; all of layer 1 is computed and cached.
BOOST_AUTO_TEST_CASE(tokens_leave_behind_a_whole_layer) {
  const llama::model m = random_model(4);
  llama::sequence s = prompt(m, 0, 8, 6);
  matrix hidden = s.hidden;
  for (Index b = 0; b < 2; ++b) llama::forward_block(m, b, hidden);
  matrix rest = hidden.bottomRows(6);
  for (Index b = 2; b < 4; ++b) llama::forward_block(m, b, rest);
  llama::reduction r;
  r.use(tamp::token::attention_top_k{});
  r.schedule = {{0, 8, 0, 0}, tamp::token::departure::after_layer};
  std::vector<llama::cached_block> cache;
  BOOST_CHECK_SMALL(largest_difference(llama::forward(m, s, r, cache),
                                       llama::rms_norm(rest, m.ends->norm, m.config.rms_epsilon)),
                    1e-4f);
  BOOST_TEST(cache[1].keys.rows() == 14);
  BOOST_TEST(cache[2].keys.rows() == 6);
}

// One token after another behind a prompt whose tokens left: each layer has it where it would be in
// a prompt without them.
BOOST_AUTO_TEST_CASE(tokens_behind_a_renumbered_prompt_move_forward) {
  const llama::model m = random_model(4);
  for (const auto place :
       {tamp::token::departure::before_layer, tamp::token::departure::after_layer,
        tamp::token::departure::after_attention}) {
    const llama::sequence whole = prompt(m, 2, 9, 6);
    llama::reduction r;
    r.select = [](const tamp::token::context& c, tamp::token::quota q) {
      tamp::token::selection first;  // the first ones, whatever their attention
      for (std::size_t t = 0, v = 0; t < c.tokens(); ++t)
        if (!c.is_visual(t) || v++ < q.keep) first.kept.push_back(t);
      return first;
    };
    r.schedule = {{0, 3, 0, 2}, place};
    r.renumber = true;
    llama::sequence at_once = whole;
    const matrix expected = llama::forward(m, at_once, r);
    std::vector<llama::cached_block> cache;
    llama::sequence first(rows_of(whole.hidden, 0, 13),
                          {whole.kinds.begin(), whole.kinds.begin() + 13});
    llama::forward(m, first, r, cache);
    for (Index t = 13; t < 17; ++t) {
      llama::sequence next(rows_of(whole.hidden, t, 1), {modality::text}, std::size_t(t));
      const matrix features = llama::forward(m, next, r, cache);
      // The tokens that leave after the attention are in the rows of that layer's attention when
      // all is read at once, but not in its cache.
      if (place != tamp::token::departure::after_attention)
        BOOST_CHECK_SMALL(largest_difference(features, rows_of(expected, t - 5, 1)), 1e-4f);
    }
    const bool before = place == tamp::token::departure::before_layer;
    BOOST_TEST(cache[0].gone == 0u);
    BOOST_TEST(cache[1].gone == (before ? 3u : 0u));
    BOOST_TEST(cache[2].gone == 3u);
    BOOST_TEST(cache[3].gone == (before ? 5u : 3u));
  }
}

BOOST_AUTO_TEST_CASE(tokens_are_merged_at_every_place) {
  const llama::model m = random_model(3);
  for (const auto place :
       {tamp::token::departure::before_layer, tamp::token::departure::after_layer,
        tamp::token::departure::after_attention}) {
    llama::sequence s = prompt(m, 2, 10, 4);
    llama::reduction r;
    r.use(tamp::token::tome{});
    r.schedule = {{0, 4, 3}, place};
    BOOST_TEST(llama::forward(m, s, r).allFinite());
    BOOST_TEST(s.visual_tokens() == 3u);
    BOOST_CHECK_CLOSE(std::accumulate(s.sizes.begin(), s.sizes.end(), 0.0f), 16.0f, 1e-4);
  }
}

BOOST_AUTO_TEST_CASE(a_selector_sees_what_it_reads_and_its_choice_stays) {
  const llama::model m = random_model(3);
  llama::sequence s = prompt(m, 2, 10, 4);
  std::vector<std::size_t> seen;
  llama::reduction r;
  r.reads = tamp::token::fitprune::reads | tamp::observable::keys | tamp::observable::hidden;
  r.schedule.drops = {0, 3, 4};
  r.select = [&](const tamp::token::context& c, tamp::token::quota q) {
    BOOST_TEST(includes(shown(c), r.reads));
    seen.push_back(c.layer);
    float sum = 0;  // of a softmax: what the queries that are there give away
    for (const float a : c.attention.row(0, c.tokens() - 1)) sum += a;
    BOOST_CHECK_CLOSE(sum, 1.0f, 1e-3);
    return tamp::token::select(c, tamp::token::random_choice{}, q);
  };
  llama::forward(m, s, r);
  BOOST_TEST(seen == (std::vector<std::size_t>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(s.visual_tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(merged_tokens_carry_their_number) {
  const llama::model m = random_model(3);
  llama::sequence s = prompt(m, 2, 10, 4);
  llama::reduction r;
  r.use(tamp::token::tome{});
  r.schedule.drops = {4, 0, 3};
  const matrix features = llama::forward(m, s, r);
  BOOST_TEST(features.allFinite());
  BOOST_TEST(s.visual_tokens() == 3u);
  BOOST_CHECK_CLOSE(std::accumulate(s.sizes.begin(), s.sizes.end(), 0.0f), 16.0f, 1e-4);
}

BOOST_AUTO_TEST_CASE(a_wide_window_and_all_channels_are_the_dense_engine) {
  const llama::model m = random_model(3);
  llama::sequence s = prompt(m, 2, 20, 5);
  const matrix dense = llama::forward(m, s.hidden);
  llama::reduction r;
  r.visual.resize(3);
  r.visual[1].attention = tamp::compute::hollow_attention{.window = 64};
  r.visual[2].ffn = tamp::compute::dynamic_ffn{.keep_ratio = 1.0};
  BOOST_CHECK_SMALL(largest_difference(llama::forward(m, s, r), dense), 1e-4f);
}

BOOST_AUTO_TEST_CASE(a_narrow_window_and_few_channels_cost_less_and_leave_the_text_before_alone) {
  const llama::model m = random_model(2);
  const llama::sequence whole = prompt(m, 3, 30, 4);
  llama::sequence dense = whole, less = whole;
  const matrix before = llama::forward(m, dense, {});
  llama::reduction r;
  r.visual.resize(2);
  r.visual[1] = {tamp::compute::hollow_attention{.window = 4},
                 tamp::compute::dynamic_ffn{.keep_ratio = 0.1}};
  const matrix after = llama::forward(m, less, r);
  BOOST_TEST(less.multiply_adds < dense.multiply_adds);
  BOOST_CHECK_SMALL(largest_difference(rows_of(after, 0, 3), rows_of(before, 0, 3)), 1e-4f);
  BOOST_TEST(largest_difference(rows_of(after, 3, 30), rows_of(before, 3, 30)) > 1e-3f);
  // Text behind the image sees all of it: in the last block it is as before.
  BOOST_CHECK_SMALL(largest_difference(rows_of(after, 33, 4), rows_of(before, 33, 4)), 1e-4f);
}

BOOST_AUTO_TEST_CASE(probed_tokens_go_through_all_channels_or_the_kept_ones) {
  const llama::model m = random_model(2);
  const llama::sequence whole = prompt(m, 3, 30, 4);
  llama::sequence dense = whole, in_full = whole, kept_only = whole;
  const matrix before = llama::forward(m, dense, {});
  llama::reduction r;
  r.visual.resize(2);
  r.visual[1].ffn = tamp::compute::dynamic_ffn{.keep_ratio = 0.1, .whole_probe = true};
  const matrix probe_in_full = llama::forward(m, in_full, r);
  r.visual[1].ffn->whole_probe = false;
  const matrix probe_of_kept = llama::forward(m, kept_only, r);
  // Of 30 patches, which follow on 3 words, 0, 14 and 29 are probed.
  BOOST_TEST(r.visual[1].ffn->probe(30) == (std::vector<std::size_t>{0, 14, 29}),
             boost::test_tools::per_element());
  for (int patch = 0; patch < 30; ++patch) {
    const auto row = [&](const matrix& of) { return rows_of(of, 3 + patch, 1); };
    const bool is_probed = patch == 0 || patch == 14 || patch == 29;
    if (is_probed) {
      BOOST_CHECK_SMALL(largest_difference(row(probe_in_full), row(before)), 1e-4f);
      BOOST_TEST(largest_difference(row(probe_of_kept), row(before)) > 1e-4f);
    } else {
      BOOST_CHECK_SMALL(largest_difference(row(probe_in_full), row(probe_of_kept)), 1e-4f);
    }
  }
  // Three products of the probe with the channels that were not kept, against two.
  BOOST_TEST(kept_only.multiply_adds < in_full.multiply_adds);
}

BOOST_AUTO_TEST_CASE(blind_heads_and_skipped_blocks_see_the_text_alone) {
  const llama::model m = random_model(2);
  const llama::sequence whole = prompt(m, 3, 30, 4);
  const auto heads = std::size_t(m.config.heads);
  std::vector<std::size_t> all_heads(heads);
  std::iota(all_heads.begin(), all_heads.end(), std::size_t{0});
  const auto with = [&](const llama::visual_computation& visual, std::uint64_t& multiply_adds) {
    llama::sequence s = whole;
    llama::reduction r;
    r.visual.resize(2);
    r.visual[1] = visual;
    const matrix features = llama::forward(m, s, r);
    multiply_adds = s.multiply_adds;
    return features;
  };
  std::uint64_t none = 0, one = 0, all = 0, skipped = 0;
  const matrix dense = with({}, none);
  const matrix of_one = with({.blind_heads = {1}}, one),
               of_all = with({.blind_heads = all_heads}, all);
  const matrix skip = with({.text_alone = true}, skipped);
  BOOST_TEST(one < none);
  BOOST_TEST(all < one);
  BOOST_TEST(skipped < all);
  // The text in front sees no image at all, and the words behind see the same text in both.
  for (const matrix& m2 : {of_one, of_all, skip})
    BOOST_CHECK_SMALL(largest_difference(rows_of(m2, 0, 3), rows_of(dense, 0, 3)), 1e-4f);
  BOOST_TEST(largest_difference(rows_of(of_one, 33, 4), rows_of(dense, 33, 4)) > 1e-3f);
  BOOST_CHECK_SMALL(largest_difference(rows_of(of_all, 33, 4), rows_of(skip, 33, 4)), 1e-4f);
  // A skipped block leaves the image as the block before it did.
  llama::sequence s = whole;
  llama::model first = m;
  first.blocks.resize(1);
  first.config.layers = 1;
  const matrix of_first = llama::forward(first, s, {});
  BOOST_CHECK_SMALL(largest_difference(rows_of(skip, 3, 30), rows_of(of_first, 3, 30)), 1e-4f);
}

BOOST_AUTO_TEST_CASE(reading_on_behind_blind_heads_and_skipped_blocks_is_reading_at_once) {
  const llama::model m = random_model(3);
  const llama::sequence whole = prompt(m, 3, 20, 5);
  llama::reduction r;
  r.visual.resize(3);
  r.visual[1].blind_heads = {0};
  r.visual[2].text_alone = true;
  llama::sequence at_once = whole;
  const matrix wanted = llama::forward(m, at_once, r);
  const Index first = whole.hidden.rows() - 2;
  llama::sequence prompt_alone(matrix(whole.hidden.topRows(first)),
                               {whole.kinds.begin(), whole.kinds.end() - 2});
  std::vector<llama::cached_block> cache;
  llama::forward(m, prompt_alone, r, cache);
  for (Index t = first; t < whole.hidden.rows(); ++t) {
    llama::sequence next(matrix(whole.hidden.row(t)), {tamp::modality::text}, std::size_t(t));
    BOOST_CHECK_SMALL(largest_difference(llama::forward(m, next, r, cache), wanted.row(t)), 1e-4f);
  }
}

BOOST_AUTO_TEST_CASE(heads_that_look_least_at_images_are_found) {
  const llama::model m = random_model(3);
  const std::vector<llama::sequence> samples{prompt(m, 2, 12, 3), prompt(m, 1, 9, 4)};
  const auto activities = llama::head_activities(m, samples);
  BOOST_TEST(activities.size() == 3u);
  BOOST_TEST(activities[1].samples() == 2u);
  const auto visual = study::parse_visual(
      "heads:0.5@1-2", 3, [&](double share, std::size_t first, std::size_t last) {
        BOOST_TEST(share == 0.5);
        BOOST_TEST(first == 1u);
        BOOST_TEST(last == 2u);
        return tamp::compute::least_active_heads(activities, activities[0].heads(), first);
      });
  BOOST_TEST(visual[0].blind_heads.empty());
  BOOST_TEST(visual[1].blind_heads.size() + visual[2].blind_heads.size() == activities[0].heads());
  BOOST_TEST(study::parse_visual("skip@1-2", 3)[2].text_alone);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_refused) {
  const llama::model m = random_model(2);
  llama::sequence s = prompt(m, 1, 6, 2);
  llama::reduction r;
  r.use(tamp::token::fitprune{});
  r.schedule.drops = {0, 2};
  r.visual.resize(2);
  r.visual[1].attention = tamp::compute::hollow_attention{.window = 2};
  BOOST_CHECK_THROW(llama::forward(m, s, r), llama::error);  // its attention is never made
  BOOST_CHECK_THROW(study::parse_visual("hollow:8@3-9", 6), std::invalid_argument);
  BOOST_CHECK_THROW(study::parse_visual("ffn:much", 6), std::invalid_argument);
  BOOST_CHECK_THROW(study::parse_visual("skip:1", 6), std::invalid_argument);
  BOOST_CHECK_THROW(study::parse_visual("nothing", 6), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(fitting_by_running_layers_begins_like_fitting_to_a_recording) {
  const llama::model m = random_model(3);
  const std::vector<llama::sequence> samples{prompt(m, 2, 12, 3), prompt(m, 1, 9, 4)};
  tamp::token::attention_recording recording(3);
  llama::record_attention(m, samples, [&](auto record) { recording.add(std::move(record)); });
  BOOST_TEST(recording.visual_tokens() == (std::vector<std::size_t>{12, 9}),
             boost::test_tools::per_element());
  llama::fitprune_host host(m, samples);
  std::vector<std::size_t> all(12), some{0, 2, 3, 7, 11};
  std::iota(all.begin(), all.end(), std::size_t{0});
  const auto close = [](const auto& a, const auto& b) {
    BOOST_TEST_REQUIRE(a.cross.size() == b.cross.size());
    for (std::size_t k = 0; k < a.cross.size(); ++k) {
      BOOST_CHECK_CLOSE(a.cross[k], b.cross[k], 1e-3);
      BOOST_CHECK_CLOSE(a.self[k], b.self[k], 1e-3);
    }
  };
  // With all tokens there, every layer is what was recorded.
  for (std::size_t l = 0; l < 3; ++l) close(host(0, l, all), recording(0, l, all));
  // With some gone, it is the engine on the tokens that are left.
  host(0, 0, all);
  const auto left = host(0, 1, some);
  llama::sequence s = samples[0];
  llama::reduction r;
  r.reads = tamp::token::fitprune::reads;
  r.schedule.drops = {7, 1, 0};
  r.select = [&](const tamp::token::context& c, tamp::token::quota) {
    tamp::token::selection stay;
    if (c.layer == 1) close(tamp::token::fitprune::statistics(c), left);
    std::size_t v = 0;
    for (std::size_t t = 0; t < c.tokens(); ++t)
      if (!c.is_visual(t) || c.layer == 1 || std::count(some.begin(), some.end(), v++) != 0)
        stay.kept.push_back(t);
    return stay;
  };
  llama::forward(m, s, r);
}

BOOST_AUTO_TEST_CASE(sequences_of_other_numbers_of_visual_tokens_have_schedules_of_their_own) {
  const llama::model m = random_model(3);
  llama::reduction r;
  r.use(tamp::token::attention_top_k{});
  r.schedule.drops = {0, 1, 0};
  r.schedules[8].drops = {0, 4, 2};
  r.schedules[12] = tamp::token::drop_at(3, 1, 9, tamp::token::departure::before_layer);
  for (const auto& [visual, left] :
       {std::pair<Index, std::size_t>{8, 2}, {12, 3}, {5, 4}, {1, 0}}) {
    llama::sequence s = prompt(m, 2, visual, 3);
    llama::forward(m, s, r);
    BOOST_CHECK_EQUAL(s.visual_tokens(), left);
    llama::reduction alone;
    alone.use(tamp::token::attention_top_k{});
    const auto own = r.schedules.find(std::size_t(visual));
    alone.schedule = own == r.schedules.end() ? r.schedule : own->second;
    llama::sequence same = prompt(m, 2, visual, 3);
    llama::forward(m, same, alone);
    BOOST_CHECK(s.hidden == same.hidden);
  }
}

BOOST_AUTO_TEST_SUITE_END()

// Takes about a minute when optimised; ctest runs it apart from the others.
BOOST_AUTO_TEST_SUITE(examples_reduced_table)

// The figures of the model's README, measured on 2000 scenes of which these are the first 1000:
// within 2 points. For every change, every fifth.
BOOST_AUTO_TEST_CASE(fewer_visual_tokens_are_worth_what_its_readme_says) {
  const auto prompts = study::load_prompts(tiny, {});
  study::reducer reducer(*prompts, 1);
  const auto accuracy_of = [&](const llama::reduction& r) {
    return reducer.measure(r).quality.front();
  };
  const auto check = [&](double measured, double accuracy, const std::string& what) {
    BOOST_TEST(std::abs(measured - accuracy) <= 2.0,
               what << ": " << measured << " % instead of " << accuracy << " %");
  };
  const struct {
    const char* selector;
    double accuracy[4];
  } table[] = {{"random", {89.2, 78.7, 66.5, 50.0}},
               {"attention_top_k", {92.3, 81.1, 71.4, 61.5}},
               {"fitprune_down", {95.1, 85.6, 77.6, 66.5}}};
  std::size_t figure = 1;
  for (const auto& [selector, accuracy] : table)
    for (std::size_t k = 0; k < 4; ++k) {
      if (!support::is_run(figure++, 5)) continue;
      // The others keep 80, 60, 40 and 20 % of the 64 tokens from layer 2 on, which costs what
      // FitPrune is given.
      study::named_reduction row{selector, std::array{0.86, 0.73, 0.60, 0.46}[k], "-"};
      llama::reduction r = reducer.reduction(row);
      if (row.tokens != "fitprune_down")
        r.schedule = tamp::token::drop_at(6, 1, 64 - std::array<std::size_t, 4>{51, 38, 26, 13}[k]);
      double measured = accuracy_of(r);
      if (row.tokens ==
          "random") {  // chance alone moves it by more than a point: the mean of three
        for (const std::uint64_t seed : {1u, 2u}) {
          r.use(tamp::token::random_choice{seed});
          measured += accuracy_of(r);
        }
        measured /= 3;
      }
      check(measured, accuracy[k], row.tokens + " at " + std::to_string(row.budget));
    }
  for (const auto& [visual, accuracy] : {std::pair{"ffn:0.1@3-5", 98.8},
                                         {"hollow:8@3-5", 99.0},
                                         {"ffn:0.2@0-5", 55.8},
                                         {"hollow:8@0-5", 54.2},
                                         {"hollow:1@4-5+ffn:0@4-5", 99.1},
                                         {"hollow:1@0+ffn:0@0", 32.3}})
    if (support::is_run(figure++, 5))
      check(accuracy_of(reducer.reduction({"-", 1, visual})), accuracy, visual);
}

BOOST_AUTO_TEST_SUITE_END()
