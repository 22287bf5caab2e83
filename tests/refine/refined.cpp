#include <tamp/refine/refined.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <tamp/refine/repair.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(refine_refined)

using support::check_error;
using support::matrix;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::refine::dsnot;
using tamp::refine::repair;
using tamp::refine::swaps;
using tamp::score::wanda;
using tamp::stat::column_norm;
using tamp::stat::gram;
namespace score = tamp::score;
namespace stat = tamp::stat;

namespace {

template <class Recipe>
using needed = typename Recipe::score_policy::needs;

// A score of a user's, and a refinement that keeps the first weight of each row.
struct first_stays {
  using role = tamp::role::refine;
  using needs = column_norm;
  static constexpr std::string_view label() { return "first stays"; }

  void refine(const auto&, const auto&, const auto& weight, const column_norm&, const auto&,
              bitmask& keep) const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(weight.rows()); ++i) {
      for (std::size_t j = 1; j < keep.cols() && !keep(i, 0); ++j)
        if (keep(i, j)) keep.set(i, 0, true), keep.set(i, j, false);
    }
  }
  friend bool operator==(const first_stays&, const first_stays&) = default;
};

struct given {
  matrix<float> x = support::correlated(90, 40, 1), w = support::random_matrix(10, 40, 2);
  template <class Recipe>
  auto seen(const Recipe& recipe) const {
    auto statistic = tamp::statistic_for(recipe);
    statistic.add(x);
    return statistic;
  }
  template <class Recipe>
  bitmask selected(const Recipe& recipe) const {
    return tamp::select(w, seen(recipe), recipe);
  }
  template <class Recipe>
  matrix<float> pruned(const Recipe& recipe) const {
    matrix<float> copy = w;
    tamp::prune(copy, seen(recipe), recipe);
    return copy;
  }
};

constexpr uniform half{0.5};

}  // namespace

BOOST_AUTO_TEST_CASE(its_steps_are_those_of_free_functions) {
  const given g;
  const bitmask by_wanda = g.selected(compose(wanda{}, per_row{}, half));
  const auto swapped = swaps{5}(g.w, by_wanda, support::gram_of(g.x));
  BOOST_TEST((g.selected(compose(wanda{}, per_row{}, half, swaps{5})) == swapped.keep));
  const auto repaired = repair{}(g.w, swapped.keep, support::gram_of(g.x));
  const auto pruned = g.pruned(compose(wanda{}, per_row{}, half, swaps{5}, repair{}));
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 40; ++j)
      BOOST_TEST(pruned(i, j) == static_cast<float>(repaired.weights()(i, j)));
  // Without repair the weights that stay are what they were.
  matrix<float> expected = g.w;
  tamp::apply(expected, swapped.keep);
  BOOST_TEST((g.pruned(compose(wanda{}, per_row{}, half, swaps{5})) == expected));
}

BOOST_AUTO_TEST_CASE(blocks_are_repaired_though_their_weights_cannot_be_swapped) {
  const given g;
  const tamp::pattern::block<2, 4> blocks;
  const bitmask own = g.selected(compose(wanda{}, blocks, half));
  const auto expected = repair{}(g.w, own, support::gram_of(g.x));
  const auto pruned = g.pruned(compose(wanda{}, blocks, half, repair{}));
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 40; ++j)
      BOOST_TEST(pruned(i, j) == static_cast<float>(expected.weights()(i, j)));
}

BOOST_AUTO_TEST_CASE(every_score_and_pattern_can_be_refined) {
  const given g;
  const auto check = [&](const auto& score, const auto&... shape) {
    const bitmask own = g.selected(compose(score, shape...));
    const auto better = compose(score, shape..., swaps{25});
    BOOST_TEST_CONTEXT(better.label()) {
      BOOST_TEST((g.selected(compose(score, shape..., swaps{0})) == own));
      const bitmask refined = g.selected(better);
      for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(refined.count(i) == own.count(i));
      BOOST_TEST(tamp::refine::layer_error(g.w, refined, support::gram_of(g.x)) <
                 0.9 * tamp::refine::layer_error(g.w, own, support::gram_of(g.x)));
      const auto repaired = g.pruned(compose(score, shape..., swaps{25}, repair{}));
      BOOST_TEST(tamp::refine::layer_error(g.w, repaired, support::gram_of(g.x)) <
                 0.9 * tamp::refine::layer_error(g.w, own, support::gram_of(g.x)));
    }
  };
  check(wanda{}, per_row{}, half);
  check(wanda{}, tamp::pattern::per_tensor{}, half);
  check(wanda{}, n_of_m<2, 4>{});
  check(score::ria{}, per_row{}, half);
  const auto by_size = compose(score::magnitude{}, per_row{}, half, swaps{25});
  static_assert(std::is_same_v<needed<std::remove_const_t<decltype(by_size)>>, gram>);
  const bitmask own = tamp::select(g.w, compose(score::magnitude{}, per_row{}, half));
  BOOST_TEST((g.selected(by_size) == swaps{25}(g.w, own, support::gram_of(g.x)).keep));
}

BOOST_AUTO_TEST_CASE(a_score_that_repairs_gives_its_mask_and_repair_follows) {
  const given g;
  const auto sparsegpt = score::sparsegpt{};
  const bitmask own = tamp::select(g.w, support::gram_of(g.x), compose(sparsegpt, per_row{}, half));
  const auto recipe = compose(sparsegpt, per_row{}, half, swaps{25}, repair{});
  static_assert(std::is_same_v<needed<std::remove_const_t<decltype(recipe)>>, gram>);
  const auto expected =
      repair{}(g.w, swaps{25}(g.w, own, support::gram_of(g.x)).keep, support::gram_of(g.x));
  const auto pruned = g.pruned(recipe);
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 40; ++j)
      BOOST_TEST(pruned(i, j) == static_cast<float>(expected.weights()(i, j)));
}

BOOST_AUTO_TEST_CASE(steps_are_taken_in_the_order_in_which_they_are_named) {
  const given g;
  const auto one = compose(wanda{}, first_stays{}, swaps{1}, per_row{}, half);
  const auto other = compose(swaps{1}, wanda{}, per_row{}, first_stays{}, half);
  BOOST_TEST(one.label() == "wanda, uniform 0.5, per_row, first stays, swaps 1");
  BOOST_TEST(other.label() == "wanda, uniform 0.5, per_row, swaps 1, first stays");
  for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(g.selected(other)(i, 0));
  bitmask keep = g.selected(compose(wanda{}, per_row{}, half));
  first_stays{}.refine(0, 0, g.w, column_norm(), 0, keep);
  BOOST_TEST((g.selected(one) == swaps{1}(g.w, keep, support::gram_of(g.x)).keep));
}

BOOST_AUTO_TEST_CASE(dsnot_reads_the_scores_of_its_score) {
  const given g;
  const auto recipe = compose(wanda{}, per_row{}, half, dsnot{});
  static_assert(std::is_same_v<needed<std::remove_const_t<decltype(recipe)>>,
                               stat::joint<column_norm, stat::sequence_moments>>);
  column_norm norms;
  norms.add(g.x);
  stat::sequence_moments moments;
  moments.add(g.x);
  matrix<float> scores = g.w;
  const auto values = norms.values();
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 40; ++j) scores(i, j) = wanda{}(g.w(i, j), values[j]);
  const bitmask own = g.selected(compose(wanda{}, per_row{}, half));
  BOOST_TEST((g.selected(recipe) == dsnot{}(g.w, own, moments, scores)));
}

BOOST_AUTO_TEST_CASE(tokens_are_weighed_for_the_refinements_as_for_the_score) {
  const auto by_amia = compose(score::amia{}, per_row{}, half, swaps{3});
  static_assert(std::is_same_v<needed<std::remove_const_t<decltype(by_amia)>>,
                               stat::weighted<stat::joint<column_norm, gram>, stat::amia_select>>);
  const auto by_text = compose(wanda{}, per_row{}, half, swaps{3}, stat::only_modality{});
  static_assert(
      std::is_same_v<needed<std::remove_const_t<decltype(by_text)>>,
                     stat::weighted<stat::joint<column_norm, gram>, stat::only_modality>>);
  BOOST_TEST(by_text.label() == "wanda by only text, uniform 0.5, per_row, swaps 3");
  const auto blind = compose(score::magnitude{}, per_row{}, half, swaps{3}, stat::only_modality{});
  static_assert(std::is_same_v<needed<std::remove_const_t<decltype(blind)>>,
                               stat::weighted<gram, stat::only_modality>>);
  // Parameters of the score's statistic are those of all.
  const auto tuned = compose(score::amia{{.neighbours = 5}}, per_row{}, half, swaps{3});
  BOOST_TEST(tamp::statistic_for(tuned).label() == "column_norm and gram by amia 5 1 0.2 1 0.1");

  const given g;
  std::vector<tamp::modality> kinds(90, tamp::modality::image);
  std::fill(kinds.begin(), kinds.begin() + 30, tamp::modality::text);
  matrix<float> text(30, 40);
  std::copy_n(g.x.data(), 30 * 40, text.data());
  auto seen = tamp::statistic_for(by_text);
  seen.add(tamp::layer_sample<matrix<float>, tamp::not_shown>{g.x, {}, kinds, {}});
  auto plain = tamp::statistic_for(compose(wanda{}, per_row{}, half, swaps{3}));
  plain.add(text);
  BOOST_TEST((tamp::select(g.w, seen, by_text) ==
              tamp::select(g.w, plain, compose(wanda{}, per_row{}, half, swaps{3}))));
}

BOOST_AUTO_TEST_CASE(recipes_are_values) {
  const auto recipe = compose(wanda{}, n_of_m<2, 4>{}, swaps{25}, repair{});
  BOOST_TEST(recipe.label() == "wanda, 2:4, swaps 25, repair");
  BOOST_TEST(tamp::label(recipe.score) == "wanda with swaps 25, repair");
  BOOST_TEST((recipe == compose(swaps{25}, repair{}, n_of_m<2, 4>{}, wanda{})));
  BOOST_TEST(!(recipe == compose(wanda{}, n_of_m<2, 4>{}, swaps{24}, repair{})));
}

BOOST_AUTO_TEST_CASE(a_model_is_refined_and_the_report_shows_errors) {
  const auto recipe = compose(wanda{}, per_row{}, half, swaps{4});
  support::mlp host(2, 8, 12, 1), by_hand = host;
  const auto report = tamp::prune_model(host, recipe);
  BOOST_TEST(report.recipe == "wanda, uniform 0.5, per_row, swaps 4");
  std::size_t k = 0;
  for (auto& block : by_hand.weights) {
    auto up = tamp::statistic_for(recipe), down = up;
    for (const auto& x : by_hand.samples) {
      up.add(x);
      down.add(block.hidden(x));
    }
    for (auto* weight : {&block.up, &block.down}) {
      const auto& seen = weight == &block.up ? up : down;
      const auto own = compose(wanda{}, per_row{}, half);
      const auto& g = seen.of<gram>();
      const auto& found = report.layers[k++];
      BOOST_REQUIRE(found.error.has_value());
      BOOST_TEST(found.error->before ==
                     tamp::refine::layer_error(
                         *weight, tamp::select(*weight, seen.of<column_norm>(), own), g),
                 boost::test_tools::tolerance(1e-12));
      const bitmask keep = tamp::select(*weight, seen, recipe);
      BOOST_TEST(found.error->after == tamp::refine::layer_error(*weight, keep, g),
                 boost::test_tools::tolerance(1e-9));
      BOOST_TEST(found.score == "wanda with swaps 4");
      tamp::apply(*weight, keep);
    }
    for (auto& x : by_hand.samples) x = block.output(x);
  }
  BOOST_TEST((host.weights == by_hand.weights));
  std::ostringstream text;
  text << report;
  BOOST_TEST(text.str().find("  error ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_statistic_without_squares_shows_no_dead_inputs) {
  support::mlp host(1, 8, 12, 1);
  const auto report =
      tamp::prune_model(host, compose(score::magnitude{}, per_row{}, half, dsnot{}));
  BOOST_TEST(report.layers[0].dead_inputs == 0u);
  BOOST_TEST(!report.layers[0].error.has_value());
  BOOST_TEST(report.achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(a_model_may_be_repaired_from_a_calibration) {
  const auto recipe = compose(score::ria{}, n_of_m<2, 4>{}, swaps{4}, repair{});
  support::open_mlp host(2, 8, 12, 1);
  auto seen = tamp::calibration_for(recipe.score);
  tamp::calibrate(host, seen);
  const auto report = tamp::prune_model(host, seen, recipe);
  for (const auto& layer : report.layers) {
    BOOST_REQUIRE(layer.error.has_value());
    BOOST_TEST(layer.error->after <= layer.error->before);
    BOOST_TEST(layer.achieved() == 0.5);
  }
  support::open_mlp selected(2, 8, 12, 1);
  const auto by_amia = compose(score::amia{}, per_row{}, half, swaps{4}, repair{});
  BOOST_TEST(tamp::prune_model(selected, by_amia).achieved() == 0.5);
}

BOOST_AUTO_TEST_CASE(unusable_input_is_refused) {
  const given g;
  const auto recipe = compose(wanda{}, per_row{}, half, swaps{4});
  check_error<tamp::value_error>("select: the statistics have seen no activations",
                                 [&] { tamp::select(g.w, tamp::statistic_for(recipe), recipe); });
  const matrix<float> narrow(3, 4, 1.0f);
  check_error<tamp::shape_error>("select: the weight has 4 columns, the statistics cover 40",
                                 [&] { tamp::select(narrow, g.seen(recipe), recipe); });
  auto broken = g.w;
  broken(2, 3) = support::not_a_number;
  check_error<tamp::value_error>("select: the weight in row 2, column 3 is nan",
                                 [&] { tamp::select(broken, g.seen(recipe), recipe); });
  const auto bad = compose(wanda{}, per_row{}, half, swaps{4, -1.0});
  auto copy = g.w;
  check_error<tamp::value_error>("swaps: the tolerance is -1",
                                 [&] { tamp::prune(copy, g.seen(bad), bad); });
  BOOST_TEST((copy == g.w));
}

BOOST_AUTO_TEST_SUITE_END()
