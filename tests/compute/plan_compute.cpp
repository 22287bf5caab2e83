#include <tamp/compute/plan_compute.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_plan_compute)

using support::check_error;
using tamp::block_shape;
using tamp::modality;
using tamp::pruning_plan;
using tamp::value_error;
using tamp::compute::budget_split;
using tamp::compute::compute_plan;
using tamp::compute::dynamic_ffn;
using tamp::compute::hollow_attention;
using tamp::compute::plan_compute;
using tamp::token::drop_at;
using tamp::token::schedule;
using counts = std::vector<std::size_t>;
using enum tamp::modality;

namespace {

// On 5 tokens a block costs 15 + 50 + 5 + 30 = 100.
constexpr block_shape tiny{1, 1, 1, 2, 3};
const std::vector<modality> four_patches{text, image, image, image, image};

constexpr block_shape usual = block_shape::plain(16, 40);

std::vector<modality> prompt_of(std::size_t words, std::size_t patches) {
  std::vector<modality> kinds(words + patches, text);
  std::fill_n(kinds.begin() + std::ptrdiff_t(words / 2), patches, image);
  return kinds;
}

compute_plan settings_of(std::string selector, dynamic_ffn ffn = {},
                         hollow_attention attention = {}) {
  compute_plan settings;
  settings.selector = std::move(selector);
  settings.ffn = ffn;
  settings.attention = attention;
  return settings;
}

// All that leave, leave in the first layer.
auto first_layer_drops(std::size_t layers, std::size_t patches) {
  return [=](double fraction) {
    return drop_at(layers, 0, patches - std::size_t(fraction * double(patches)));
  };
}

pruning_plan one_sparsity(double sparsity) {
  pruning_plan plan;
  plan.recipe = "wanda, per_row";
  plan.layers = {{"0.up", 0, 8, 4, sparsity}};
  return plan;
}

schedule no_tokens(double) {
  BOOST_ERROR("a schedule was asked for");
  return {};
}
pruning_plan no_weights(double) {
  BOOST_ERROR("a plan was asked for");
  return {};
}

std::uint64_t count(std::size_t layers, const std::vector<modality>& prompt,
                    const compute_plan& plan) {
  return tamp::detail::prompt_cost(usual, layers, prompt)(plan.tokens, plan.reduced_layers,
                                                          plan.ffn, plan.attention, plan.alone)
      .sum();
}

}  // namespace

// With d tokens gone in layer 0 it costs 65 + 7 (5 - d), and layer 1 with n = 5 - d costs
// 10 n + 2 n^2: for d = 1 together 165, for d = 2 134.
BOOST_AUTO_TEST_CASE(tokens_and_weights_by_hand) {
  const auto plan = plan_compute(tiny, 2, four_patches, 0.49, settings_of("fitprune"),
                                 first_layer_drops(2, 4), {}, one_sparsity, {1, 0, 1});
  BOOST_TEST(plan.budget == 0.49);
  BOOST_TEST(plan.selector == "fitprune");
  BOOST_TEST(plan.dense == 200u);
  BOOST_TEST(plan.after_tokens == 134u);  // no more than 140, the root of the budget
  BOOST_TEST(plan.tokens.drops == (counts{2, 0}), boost::test_tools::per_element());
  BOOST_TEST(plan.after_visual == 134u);
  BOOST_TEST(plan.reduced_layers.empty());
  // 68 of 134 are attention, so that of the 66 of the linear layers 30 may stay.
  BOOST_TEST(plan.weights.sparsity() == 36.0 / 66, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(plan.after_weights == 98u);
  BOOST_TEST(plan.cost() == 0.49);
}

// A reduced layer has 15 + 5 of projections; one word and one probed patch of all 2 channels, 12,
// three patches of one channel, 9; and of 25 pairs those of the word and the diagonal, 13: 67.
BOOST_AUTO_TEST_CASE(visual_computation_by_hand) {
  const auto settings = settings_of("", {.keep_ratio = 0.5}, {.window = 1});
  const auto plan = plan_compute(tiny, 2, four_patches, 0.85, settings, no_tokens, counts{1, 0},
                                 no_weights, {0, 1, 0});
  BOOST_TEST(plan.reduced_layers == (counts{1}), boost::test_tools::per_element());
  BOOST_TEST(plan.dense == 200u);
  BOOST_TEST(plan.after_tokens == 200u);
  BOOST_TEST(plan.after_visual == 167u);
  BOOST_TEST(plan.after_weights == 167u);
  const auto both = plan_compute(tiny, 2, four_patches, 0.67, settings, no_tokens, counts{1, 0},
                                 no_weights, {0, 1, 0});
  BOOST_TEST(both.reduced_layers == (counts{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(both.after_visual == 134u);
}

// Blind heads first, then layers that are skipped in their order, then the ranking.
BOOST_AUTO_TEST_CASE(heads_and_layers_that_process_the_text_alone) {
  const auto prompt = prompt_of(6, 40);
  const auto plan_at = [&](double budget, const compute_plan& settings) {
    return plan_compute(usual, 4, prompt, budget, settings, no_tokens, counts{2, 0}, no_weights,
                        {0, 1, 0});
  };
  compute_plan settings = settings_of("", {}, {.window = 4});
  settings.alone = {4, {{2, 1}, {3, 0}, {3, 2}}, {3, 1}};
  const auto of = [&](const tamp::compute::text_alone& alone, const counts& reduced = {}) {
    compute_plan plan = settings;
    plan.alone = alone;
    plan.reduced_layers = reduced;
    return double(count(4, prompt, plan)) / double(4 * usual.block(46)) + 1e-9;
  };
  const auto heads = settings.alone.blind_heads;
  BOOST_TEST((plan_at(1, settings).alone == tamp::compute::text_alone{}));
  const auto blind = plan_at(of({4, heads, {}}), settings);
  BOOST_TEST((blind.alone == tamp::compute::text_alone{4, heads, {}}));
  BOOST_TEST(blind.after_visual == count(4, prompt, blind));
  const auto one = plan_at(of({4, heads, {3}}), settings);
  BOOST_TEST(one.alone.skipped_layers == (counts{3}), boost::test_tools::per_element());
  const auto both = plan_at(of({4, heads, {1, 3}}), settings);
  BOOST_TEST(both.alone.skipped_layers == (counts{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(both.reduced_layers.empty());
  const auto more = plan_at(of({4, heads, {1, 3}}, {2}), settings);
  BOOST_TEST(more.reduced_layers == (counts{2}), boost::test_tools::per_element());
  BOOST_TEST(more.after_visual == count(4, prompt, more));
  // A layer that is skipped is not reduced as well.
  settings.alone = {0, {}, {2}};
  const auto skipped = plan_at(of({0, {}, {2}}, {0}), settings);
  BOOST_TEST(skipped.alone.skipped_layers == (counts{2}), boost::test_tools::per_element());
  BOOST_TEST(skipped.reduced_layers == (counts{0}), boost::test_tools::per_element());
  // Heads and layers that are not there are refused.
  settings.alone = {4, {{4, 0}}, {}};
  check_error<value_error>("text_alone: there is no head 0 in layer 4 of 4 layers with 4 heads",
                           [&] { plan_at(0.9, settings); });
  settings.alone = {0, {}, {4}};
  check_error<value_error>("plan_compute: text_alone names layer 4, there are 4",
                           [&] { plan_at(0.9, settings); });
  settings.alone = {0, {}, {1, 1}};
  check_error<value_error>("plan_compute: text_alone names layer 1 twice",
                           [&] { plan_at(0.1, settings); });
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  const auto plan =
      plan_compute(tiny, 2, four_patches, 0.75, {}, no_tokens, {}, one_sparsity, {0, 0, 1});
  // Of 200, 100 are attention.
  BOOST_TEST(plan.weights.sparsity() == 0.5);
  BOOST_TEST(plan.after_visual == 200u);
  BOOST_TEST(plan.after_weights == 150u);
}

BOOST_AUTO_TEST_CASE(the_whole_budget_changes_nothing) {
  const counts ranking{0, 1};
  const auto plan = plan_compute(usual, 2, prompt_of(4, 9), 1, settings_of("fitprune"), no_tokens,
                                 ranking, no_weights);
  BOOST_TEST(plan.cost() == 1.0);
  BOOST_TEST(plan.tokens.drops.empty());
  BOOST_TEST(plan.reduced_layers.empty());
  BOOST_TEST((plan.weights == pruning_plan{}));
  BOOST_TEST(plan.dense == 2 * usual.block(13));
}

BOOST_AUTO_TEST_CASE(what_settings_hold_of_an_earlier_plan_is_replaced) {
  compute_plan settings = settings_of("random", {.keep_ratio = 0.3}, {.window = 7});
  settings.tokens.drops = {3, 3};
  settings.reduced_layers = {0};
  settings.weights = one_sparsity(0.5);
  settings.budget = 0.1;
  settings.after_weights = 3;
  const auto plan = plan_compute(usual, 2, prompt_of(4, 9), 1, settings, no_tokens, {}, no_weights);
  compute_plan expected = settings_of("random", {.keep_ratio = 0.3}, {.window = 7});
  expected.dense = expected.after_tokens = expected.after_visual = expected.after_weights =
      2 * usual.block(13);
  BOOST_TEST((plan == expected));
}

BOOST_AUTO_TEST_CASE(budgets_are_met_exactly_where_weights_take_the_rest) {
  const auto prompt = prompt_of(6, 40);
  const counts ranking{3, 1, 2, 0};
  for (const double budget : {0.9, 0.7, 0.5, 0.35})
    for (const budget_split& split :
         {budget_split{}, {1, 0, 1}, {0, 1, 1}, {0, 0, 1}, {0.2, 0.2, 3}, {2, 1, 1}}) {
      const auto plan =
          plan_compute(usual, 4, prompt, budget, settings_of("random", {}, {.window = 4}),
                       first_layer_drops(4, 40), ranking, one_sparsity, split);
      const double target = double(plan.dense) * budget;
      BOOST_TEST_CONTEXT("budget " << budget << ", shares " << split.tokens << ' ' << split.visual
                                   << ' ' << split.weights) {
        if (double(plan.after_visual) > target)
          BOOST_TEST(std::abs(double(plan.after_weights) - target) <= 1.0);
        else  // nothing is left to save
          BOOST_TEST((plan.after_weights == plan.after_visual && plan.weights.layers.empty()));
        BOOST_TEST(plan.dense >= plan.after_tokens);
        BOOST_TEST(plan.after_tokens >= plan.after_visual);
        BOOST_TEST(plan.after_visual >= plan.after_weights);
        BOOST_TEST(plan.dense == 4 * usual.block(46));
        BOOST_TEST(plan.after_visual == count(4, prompt, plan));
        BOOST_TEST((split.tokens > 0 || plan.tokens.drops.empty()));
        BOOST_TEST((split.visual > 0 || plan.reduced_layers.empty()));
      }
    }
}

BOOST_AUTO_TEST_CASE(each_part_meets_its_share) {
  const auto prompt = prompt_of(6, 60);
  const counts ranking{2, 5, 0, 1, 4, 3};
  for (const double budget : {0.9, 0.6, 0.4}) {
    const auto plan = plan_compute(usual, 6, prompt, budget, settings_of("random"),
                                   first_layer_drops(6, 60), ranking, one_sparsity, {2, 1, 3});
    BOOST_TEST(double(plan.after_tokens) <= double(plan.dense) * std::pow(budget, 2.0 / 6));
    BOOST_TEST(double(plan.after_visual) <= double(plan.dense) * std::pow(budget, 3.0 / 6));
    // No more layers than needed, in the order of the ranking.
    counts expected(ranking.begin(), ranking.begin() + std::ptrdiff_t(plan.reduced_layers.size()));
    compute_plan before = plan;
    before.reduced_layers = {expected.begin(), expected.end() - 1};
    BOOST_TEST(double(count(6, prompt, before)) > double(plan.dense) * std::pow(budget, 3.0 / 6));
    std::sort(expected.begin(), expected.end());
    BOOST_TEST(plan.reduced_layers == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(no_more_tokens_leave_than_must) {
  const auto prompt = prompt_of(3, 64);
  const auto schedules = first_layer_drops(3, 64);
  for (const double budget : {0.95, 0.8, 0.55}) {
    const auto plan = plan_compute(usual, 3, prompt, budget, settings_of("random"), schedules, {},
                                   no_weights, {1, 0, 0});
    BOOST_TEST(plan.cost() <= budget);
    compute_plan less = plan;
    --less.tokens.drops[0];
    BOOST_TEST(double(count(3, prompt, less)) > budget * double(plan.dense));
    BOOST_TEST(plan.after_tokens == plan.tokens.multiply_adds(usual, 64, 3));
  }
}

BOOST_AUTO_TEST_CASE(what_a_part_cannot_save_falls_to_the_next) {
  const auto prompt = prompt_of(6, 40);
  const auto nothing_leaves = [](double) { return schedule{counts(4)}; };
  const counts ranking{0, 1, 2, 3};
  const auto settings = settings_of("random", {}, {.window = 4});
  const auto visual =
      plan_compute(usual, 4, prompt, 0.7, settings, nothing_leaves, ranking, no_weights, {1, 1, 0});
  BOOST_TEST(visual.after_tokens == visual.dense);
  BOOST_TEST(visual.cost() <= 0.7);
  BOOST_TEST(visual.reduced_layers.size() > 1u);
  const auto weights =
      plan_compute(usual, 4, prompt, 0.5, settings, nothing_leaves, {}, one_sparsity, {1, 1, 1});
  BOOST_TEST(weights.after_visual == weights.dense);
  BOOST_TEST(std::abs(weights.cost() - 0.5) < 1e-5);
  // With a text alone, too.
  const auto words =
      plan_compute(usual, 4, prompt_of(46, 0), 0.5, settings, no_tokens, ranking, one_sparsity);
  BOOST_TEST(words.after_tokens == words.dense);
  BOOST_TEST(std::abs(words.cost() - 0.5) < 1e-5);
}

BOOST_AUTO_TEST_CASE(budgets_that_cannot_be_met_are_refused_with_what_can) {
  const auto nothing_leaves = [](double) { return schedule{counts(2)}; };
  check_error<value_error>(
      "plan_compute: a budget of 0.25 cannot be met: tokens and visual computation leave 1", [&] {
        plan_compute(tiny, 2, four_patches, 0.25, {}, nothing_leaves, {}, no_weights, {1, 1, 0});
      });
  // All patches but none of the first layer's attention can be saved: 72 + 12 of 200.
  check_error<value_error>(
      "plan_compute: a budget of 0.25 cannot be met: tokens and visual computation leave 0.42",
      [&] {
        plan_compute(tiny, 2, four_patches, 0.25, {}, first_layer_drops(2, 4), {}, no_weights,
                     {1, 0, 0});
      });
  check_error<value_error>(
      "plan_compute: a budget of 0.25 cannot be met: even without any weight, attention takes 0.5",
      [&] { plan_compute(tiny, 2, four_patches, 0.25, {}, no_tokens, {}, no_weights, {0, 0, 1}); });
  // At the very edge all weights go.
  const auto none =
      plan_compute(tiny, 2, four_patches, 0.5, {}, no_tokens, {}, one_sparsity, {0, 0, 1});
  BOOST_TEST(none.weights.sparsity() == 1.0);
  BOOST_TEST(none.after_weights == 100u);
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_are_refused) {
  const auto refuse = [](double budget, const budget_split& split, const counts& ranking,
                         const std::string& sentence) {
    check_error<value_error>("plan_compute: " + sentence, [&] {
      plan_compute(tiny, 2, four_patches, budget, {}, no_tokens, ranking, no_weights, split);
    });
  };
  const double nan = double(support::not_a_number), infinity = double(support::infinity);
  refuse(0, {}, {}, "the budget lies in (0, 1], and is 0");
  refuse(1.25, {}, {}, "the budget lies in (0, 1], and is 1.25");
  refuse(nan, {}, {}, "the budget lies in (0, 1], and is nan");
  const auto shares = [](const std::string& three) {
    return "the shares are " + three + "; none is negative, and one is not 0";
  };
  refuse(0.5, {0, 0, 0}, {}, shares("0, 0 and 0"));
  refuse(0.5, {1, -1, 1}, {}, shares("1, -1 and 1"));
  refuse(0.5, {1, 1, nan}, {}, shares("1, 1 and nan"));
  refuse(0.5, {1, infinity, 1}, {}, shares("1, inf and 1"));
  refuse(0.5, {0, 1, 0}, {2}, "the ranking names layer 2, there are 2");
  refuse(0.1, {0, 1, 0}, {1, 1}, "the ranking names layer 1 twice");
}

BOOST_AUTO_TEST_CASE(every_list_of_layers_is_checked_even_if_it_is_not_needed) {
  const auto with = [](const compute_plan& settings, const counts& ranking) {
    plan_compute(tiny, 2, four_patches, 1, settings, no_tokens, ranking, no_weights, {1, 0, 1});
  };
  check_error<value_error>("plan_compute: the ranking names layer 7, there are 2",
                           [&] { with({}, {0, 7}); });
  compute_plan skips;
  skips.alone.skipped_layers = {1, 1};
  BOOST_CHECK_THROW(with(skips, {}), value_error);
}

BOOST_AUTO_TEST_CASE(counts_beyond_a_signed_64_bit_integer_are_added_up) {
  // The layers take about 1.4e19 multiply-adds, of which the plan drops a tenth.
  const auto plan = plan_compute(block_shape::plain(1900000000, 0), 1, prompt_of(1, 0), 0.9, {},
                                 no_tokens, {}, one_sparsity, {0, 0, 1});
  BOOST_TEST(plan.dense > std::uint64_t{1} << 63);
  BOOST_TEST(static_cast<double>(plan.after_weights) / static_cast<double>(plan.dense) ==
                 1 - plan.weights.sparsity(),
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_SUITE_END()
