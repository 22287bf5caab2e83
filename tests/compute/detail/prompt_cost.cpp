#include <tamp/compute/detail/prompt_cost.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(compute_detail_prompt_cost)

using support::check_error;
using tamp::block_shape;
using tamp::modality;
using tamp::compute::dynamic_ffn;
using tamp::compute::hollow_attention;
using tamp::compute::text_alone;
using tamp::detail::prompt_cost;
using tamp::token::departure;
using tamp::token::schedule;
using counts = std::vector<std::size_t>;
using enum tamp::modality;

namespace {

// On 5 tokens a block costs 15 + 5 + 30 = 50, and 50 for attention.
constexpr block_shape tiny{1, 1, 1, 2, 3};
const std::vector<modality> four_patches{text, image, image, image, image};

// The definition, pair by pair and token by token.
prompt_cost::parts by_definition(const block_shape& b, std::size_t layers,
                                 std::vector<modality> kinds, const schedule& tokens,
                                 const counts& reduced, const dynamic_ffn& ffn,
                                 const hollow_attention& attention, const text_alone& alone = {}) {
  const auto is_visual = [](modality kind) { return kind != text; };
  prompt_cost::parts sum;
  for (std::size_t l = 0; l < layers; ++l) {
    if (alone.skips(l)) {  // a dense layer of the text, into which no visual token comes
      const auto without = [&](departure place) {
        for (std::size_t gone = l < tokens.drops.size() ? tokens.drops[l] : 0;
             place == tokens.leave && gone != 0; --gone)
          if (const auto first = std::find_if(kinds.begin(), kinds.end(), is_visual);
              first != kinds.end())
            kinds.erase(first);
      };
      without(tokens.leave);
      const auto words = std::uint64_t(std::count(kinds.begin(), kinds.end(), text));
      sum.linear += b.projections(words) + b.output(words) + b.feed_forward(words);
      sum.pairs += words * words * b.pairs(1);
      continue;
    }
    const bool less = std::find(reduced.begin(), reduced.end(), l) != reduced.end();
    const auto leave = [&] {
      for (std::size_t gone = l < tokens.drops.size() ? tokens.drops[l] : 0; gone != 0; --gone) {
        const auto first = std::find_if(kinds.begin(), kinds.end(), is_visual);
        if (first != kinds.end()) kinds.erase(first);
      }
    };
    if (tokens.leave == departure::before_layer) leave();
    sum.linear += b.projections(kinds.size());
    const std::size_t heads = alone.heads == 0 ? 1 : alone.heads;
    for (std::size_t head = 0; head < heads; ++head) {
      const bool is_blind =
          std::find(alone.blind_heads.begin(), alone.blind_heads.end(),
                    tamp::compute::layer_head{l, head}) != alone.blind_heads.end();
      for (std::size_t q = 0; q < kinds.size(); ++q)
        for (std::size_t k = 0; k < kinds.size(); ++k)
          if (is_blind ? kinds[q] == text && kinds[k] == text
                       : !less || attention.allowed(kinds, std::max(q, k), std::min(q, k)))
            sum.pairs += b.pairs(1) / heads;
    }
    if (tokens.leave == departure::after_attention) leave();
    sum.linear += b.output(kinds.size());
    const auto patches = std::size_t(std::count_if(kinds.begin(), kinds.end(), is_visual));
    std::size_t in_full = less ? kinds.size() - patches : kinds.size();
    const std::size_t probe = less ? ffn.probe(patches).size() : 0;
    if (less && !ffn.whole_probe) {
      // The probe goes through all channels of the projections before the last, and everything
      // through the kept channels.
      const std::uint64_t before_last = (b.ffn_layers - 1) * probe * b.hidden * b.ffn;
      sum.linear +=
          b.feed_forward(in_full) +
          std::min(before_last + b.channels(patches, ffn.kept(b.ffn)), b.feed_forward(patches));
    } else {
      in_full += probe;
      sum.linear += b.feed_forward(in_full);
      sum.linear += b.channels(kinds.size() - in_full, ffn.kept(b.ffn));
    }
    if (tokens.leave == departure::after_layer) leave();
  }
  return sum;
}

void check(const prompt_cost::parts& cost, std::uint64_t linear, std::uint64_t pairs) {
  BOOST_TEST(cost.linear == linear);
  BOOST_TEST(cost.pairs == pairs);
  BOOST_TEST(cost.sum() == linear + pairs);
}

}  // namespace

BOOST_AUTO_TEST_CASE(dense_layers_cost_their_blocks) {
  const prompt_cost cost(tiny, 2, four_patches);
  BOOST_TEST(cost.visual() == 4u);
  check(cost({}, {}, {}, {}), 2 * 50, 2 * 50);
  BOOST_TEST(cost({}, {}, {}, {}).sum() == 2 * tiny.block(5));
}

// One token leaves in layer 0, before the output and the feed-forward part: 15 + 4 + 24 = 43 and
// the attention of 5. Layer 1 has 4: 12 + 4 + 24 = 40, and 32 for attention.
BOOST_AUTO_TEST_CASE(tokens_leave_after_the_attention_of_their_layer) {
  const prompt_cost cost(tiny, 2, four_patches);
  check(cost({{1, 0}}, {}, {}, {}), 43 + 40, 50 + 32);
  check(cost({{0, 1}}, {}, {}, {}), 50 + 43, 50 + 50);
}

// Behind layer 0 it costs 50 and 50. Before layer 1, which has 4 then: 40 and 32.
BOOST_AUTO_TEST_CASE(tokens_leave_behind_or_before_a_layer) {
  const prompt_cost cost(tiny, 2, four_patches);
  check(cost({{1, 0}, departure::after_layer}, {}, {}, {}), 50 + 40, 50 + 32);
  check(cost({{0, 1}, departure::before_layer}, {}, {}, {}), 50 + 40, 50 + 32);
  check(cost({{0, 1}, departure::after_layer}, {}, {}, {}), 50 + 50, 50 + 50);
  check(cost({{1, 0}, departure::before_layer}, {}, {}, {}), 40 + 40, 32 + 32);
  for (const departure leave :
       {departure::after_attention, departure::after_layer, departure::before_layer}) {
    const schedule s{{1, 2}, leave};
    BOOST_TEST(cost(s, {}, {}, {}).sum() == s.multiply_adds(tiny, 4, 1));
  }
}

// 15 + 5 of projections; one word and one probed patch of both channels, 12; three patches of one
// channel, 9; of 25 pairs those of the word and the diagonal, 13.
BOOST_AUTO_TEST_CASE(a_reduced_layer_by_hand) {
  const prompt_cost cost(tiny, 2, four_patches);
  check(cost({}, counts{1}, {.keep_ratio = 0.5}, {.window = 1}), 50 + 41, 50 + 26);
  check(cost({}, counts{0, 1}, {.keep_ratio = 0.5}, {.window = 1}), 2 * 41, 2 * 26);
  // Without a window a patch does not attend to itself either: 9 pairs.
  check(cost({}, counts{1}, {.keep_ratio = 0.5}, {.window = 0}), 50 + 41, 50 + 18);
}

// One word of both channels, 6; one probed patch of two of three projections, 4; four patches of one
// channel, 12: 22, and 20 of the other projections.
BOOST_AUTO_TEST_CASE(a_probe_through_the_kept_channels_by_hand) {
  const prompt_cost cost(tiny, 2, four_patches);
  const dynamic_ffn reduced{.keep_ratio = 0.5, .whole_probe = false};
  check(cost({}, counts{1}, reduced, {.window = 1}), 50 + 42, 50 + 26);
  // All channels of all patches would cost 24: 4 and 24 are more.
  const dynamic_ffn all{.keep_ratio = 1, .whole_probe = false};
  check(cost({}, counts{1}, all, {.window = 1}), 50 + 50, 50 + 26);
}

// Of a word and four patches a skipped layer computes the word: 3 + 1 + 6, and one pair of 2.
BOOST_AUTO_TEST_CASE(a_skipped_layer_costs_what_the_text_costs) {
  const prompt_cost cost(tiny, 2, four_patches);
  const text_alone skips{0, {}, {1}};
  check(cost({}, {}, {}, {}, skips), 50 + 10, 50 + 2);
  // It is not reduced any more, and tokens leave it as they do others.
  check(cost({}, counts{1}, {.keep_ratio = 0.5}, {.window = 1}, skips), 50 + 10, 50 + 2);
  check(cost({{0, 3}}, {}, {}, {}, skips), 50 + 10, 50 + 2);
}

// Of two heads with a pair of 2 each, a blind one sees one pair of 25.
BOOST_AUTO_TEST_CASE(a_blind_head_costs_the_pairs_of_the_text) {
  const block_shape two_heads{1, 2, 1, 2, 3};
  const prompt_cost cost(two_heads, 2, four_patches);
  const auto dense = cost({}, {}, {}, {});
  const auto blind = cost({}, {}, {}, {}, {2, {{1, 0}}, {}});
  BOOST_TEST(blind.linear == dense.linear);
  BOOST_TEST(dense.pairs == 2u * 25 * 4);
  BOOST_TEST(blind.pairs == 25u * 4 + 25 * 2 + 1 * 2);
  // The other head of a reduced layer sees what that leaves, here 13 pairs.
  const auto both = cost({}, counts{1}, {}, {.window = 1}, {2, {{1, 0}}, {}});
  BOOST_TEST(both.pairs == 25u * 4 + 13 * 2 + 1 * 2);
  check_error<tamp::value_error>("plan_compute: queries 2 wide cannot be those of 3 heads",
                                 [&] { cost({}, {}, {}, {}, {3, {{1, 0}}, {}}); });
}

BOOST_AUTO_TEST_CASE(the_first_visual_tokens_leave_and_text_stays) {
  const prompt_cost cost(tiny, 2, four_patches);
  const auto without_patches = cost({{4, 0}}, {}, {}, {});
  check(without_patches, (15 + 1 + 6) + (3 + 1 + 6), 50 + 2);
  const auto more_than_there_are = cost({{9, 9}}, {}, {}, {});
  check(more_than_there_are, without_patches.linear, without_patches.pairs);
  const auto more_layers_than_there_are = cost({{4, 0, 4}}, {}, {}, {});
  check(more_layers_than_there_are, without_patches.linear, without_patches.pairs);
}

BOOST_AUTO_TEST_CASE(without_tokens_or_layers_nothing_is_computed) {
  check(prompt_cost(tiny, 2, {})({{1, 1}}, counts{0}, {}, {}), 0, 0);
  check(prompt_cost(tiny, 0, four_patches)({}, counts{0}, {}, {}), 0, 0);
}

BOOST_AUTO_TEST_CASE(it_is_its_definition_and_a_reduced_layer_never_costs_more) {
  constexpr block_shape usual = block_shape::plain(16, 40), grouped{8, 12, 4, 30, 2};
  std::mt19937 random(5);
  for (const std::size_t patches : {0u, 1u, 2u, 9u, 33u})
    for (const double keep_ratio : {0.0, 0.2, 0.97, 1.0})
      for (const std::size_t probe_every : {1u, 3u, 10u})
        for (const std::size_t window : {0u, 1u, 5u, 256u}) {
          std::vector<modality> prompt(patches + random() % 6, text);
          for (std::size_t t = 0; t < patches; ++t) prompt[t] = random() % 4 == 0 ? audio : image;
          std::shuffle(prompt.begin(), prompt.end(), random);
          const dynamic_ffn ffn{keep_ratio, probe_every, random() % 2 == 0};
          const hollow_attention attention{.window = window};
          const block_shape& shape = random() % 2 == 0 ? usual : grouped;
          const prompt_cost cost(shape, 3, prompt);
          const schedule leaving{{random() % 4, 0, random() % 20}};
          const auto at = [&](departure place) { return schedule{leaving.drops, place}; };
          for (const schedule& tokens :
               {schedule{}, leaving, at(departure::after_layer), at(departure::before_layer)})
            for (const counts& reduced : {counts{}, {1}, {0, 2}, {0, 1, 2}}) {
              const auto one = cost(tokens, reduced, ffn, attention);
              const auto expected =
                  by_definition(shape, 3, prompt, tokens, reduced, ffn, attention);
              check(one, expected.linear, expected.pairs);
              BOOST_TEST(one.sum() <= cost(tokens, {}, ffn, attention).sum());
              const text_alone alone{4, {{0, 1}, {2, 0}, {2, 3}}, {1}};
              const auto without = cost(tokens, reduced, ffn, attention, alone);
              const auto by_hand =
                  by_definition(shape, 3, prompt, tokens, reduced, ffn, attention, alone);
              check(without, by_hand.linear, by_hand.pairs);
            }
        }
}

BOOST_AUTO_TEST_CASE(models_that_cannot_be_counted_are_refused_at_once) {
  const std::vector<modality> prompt(4, image);
  check_error<tamp::value_error>(
      "multiply-adds: 481 times 4611686018427387904 is too large to be counted",
      [&] { prompt_cost(block_shape::plain(4, 2), std::size_t{1} << 62, prompt); });
  check_error<tamp::value_error>("plan_compute: there cannot be 4611686018427387904 layers",
                                 [&] { prompt_cost({}, std::size_t{1} << 62, prompt); });
  check_error<tamp::shape_error>("plan_compute: 4 tokens lie at a null pointer", [] {
    prompt_cost(tiny, 2, std::span<const modality>(static_cast<const modality*>(nullptr), 4));
  });
}

BOOST_AUTO_TEST_SUITE_END()
