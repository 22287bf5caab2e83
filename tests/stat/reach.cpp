#include <tamp/stat/reach.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/score/weighted.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/given_weights.hpp>
#include <tamp/stat/weighted.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/mixing_model.hpp"

BOOST_AUTO_TEST_SUITE(stat_reach)

using support::check_error;
using support::matrix;
using support::mixing_mlp;
using support::open_mlp;
using tamp::modality;
using tamp::token_weights;
using tamp::stat::column_norm;
using tamp::stat::reach;
using reach_norm = tamp::stat::weighted<column_norm, reach>;
using given_norm = tamp::stat::weighted<column_norm, tamp::stat::given_weights>;

namespace {

// A host of one block that shows its attention.
struct attending : open_mlp {
  using open_mlp::open_mlp;
  matrix<float> attention{{1, 0, 0}, {0.5f, 0.5f, 0}, {0.25f, 0.25f, 0.5f}}, values{{1}, {2}, {3}},
      projection{{2}}, residual{{1}, {4}, {2}};
  void observe_samples(std::size_t, auto& observer) {
    const std::vector<modality> kinds(3, modality::text);
    if (!observer.begin(kinds)) return;
    observer.carried(attention, values, projection, residual);
  }
};

// A host of one sample without tokens.
struct empty_sample : open_mlp {
  using open_mlp::open_mlp;
  void observe_samples(std::size_t, auto& observer) {
    if (!observer.begin({})) return;
    for (std::size_t b = 0; b < blocks(); ++b) observer.gains(matrix<float>(0, 0));
  }
};

// A host that finds out when it is asked whether it gives weights. It cannot show whole samples.
struct asked : support::mlp {
  using mlp::mlp;
  tamp::observable shows() const {
    return tamp::observable::input | (gives ? tamp::observable::weights : tamp::observable::none);
  }
  void observe_block(std::size_t block, auto& observer) {
    for (const auto& x : samples) {
      const std::vector<double> own(x.rows(), 0.5);
      observer.weights(own);
      observer.input(0, x);
      observer.input(1, weights[block].hidden(x));
    }
  }
  void rewind() { samples = first; }

  bool gives = true;
  std::vector<matrix<float>> first = samples;
};

std::vector<double> copied(std::span<const double> numbers) {
  return {numbers.begin(), numbers.end()};
}

const auto recipe = tamp::compose(tamp::score::wanda{}, reach{}, tamp::pattern::per_row{},
                                  tamp::allocate::uniform{0.5});

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One sample of four tokens, text text image text, so that the last one is read.
  auto host = mixing_mlp(2, 3, 5, 1);
  host.samples = {support::random_matrix(4, 3, 7)};
  host.gain = 0.25f;
  open_mlp& base = host;
  base = base.with_samples(host.samples);
  token_weights weights;
  BOOST_TEST(reach::measure(tamp::execute::sequential{}, host, weights));
  BOOST_TEST(weights.complete());
  BOOST_TEST(weights.samples() == 1u);
  // Block 1: read (0 0 0 1), and half of token 3 comes from token 2.
  BOOST_TEST(copied(weights.of(0, 1)) == (std::vector<double>{0, 0, 0.5, 1}));
  // Block 0: a quarter of token 3 comes from token 2, and of token 2 from token 1.
  BOOST_TEST(copied(weights.of(0, 0)) == (std::vector<double>{0, 0.125, 0.75, 1}));
}

BOOST_AUTO_TEST_CASE(attention_that_a_host_shows_makes_the_gains) {
  attending host(1, 3, 5, 1);
  token_weights weights;
  reach::measure(tamp::execute::sequential{}, host, weights);
  // Token j carries (A_ij 2 v_j)^2 / x_j^2, v / x = 1, 1/2, 3/2: of a third each that is read,
  // 1 + 4 * (1 + 1/4 + 1/16), 1 + (1/4 + 1/16), 1 + 9 / 4.
  const std::vector<double> expected{6.25 / 3, 1.3125 / 3, 3.25 / 3};
  for (std::size_t t = 0; t < 3; ++t)
    BOOST_TEST(std::abs(weights.of(0, 0)[t] - expected[t]) < 1e-6);
}

BOOST_AUTO_TEST_CASE(without_gains_and_with_all_tokens_read_alike_it_is_the_plain_statistic) {
  mixing_mlp host(3, 4, 6, 1);
  host.gain = 0;
  host.samples.resize(1);
  open_mlp& base = host;
  base = base.with_samples(host.samples);
  host.read.assign(host.samples[0].rows(), 1.0);
  mixing_mlp plain = host;
  tamp::prune_model(host, recipe);
  tamp::prune_model(plain, tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                         tamp::allocate::uniform{0.5}));
  BOOST_TEST((host.weights == plain.weights));
}

BOOST_AUTO_TEST_CASE(measuring_that_was_stopped_goes_on_where_it_stopped) {
  mixing_mlp host(2, 3, 5, 1);
  token_weights whole, parts;
  reach::measure(tamp::execute::sequential{}, host, whole);
  for (std::size_t stop = 0; stop < 3; ++stop) {
    BOOST_TEST(
        !reach::measure(tamp::execute::sequential{}, host, parts,
                        [&](const tamp::progress& now) { return now.samples_done != stop; }));
    BOOST_TEST(parts.samples() == stop);
    BOOST_TEST(!parts.complete());
  }
  for (const auto& exec : support::every_executor) {
    token_weights again = parts;
    BOOST_TEST(reach::measure(exec, host, again));
    BOOST_TEST((again == whole));
  }
  BOOST_TEST(host.calls.back() == "observe samples from 2");
  const auto calls = host.calls.size();
  BOOST_TEST(reach::measure(tamp::execute::sequential{}, host, whole));  // nothing is left to do
  BOOST_TEST(host.calls.size() == calls);
}

BOOST_AUTO_TEST_CASE(a_model_is_pruned_with_the_weights_of_the_dense_one) {
  mixing_mlp host(3, 4, 6, 1), by_hand(3, 4, 6, 1);
  const auto report = tamp::prune_model(host, recipe);
  BOOST_TEST(report.recipe == "wanda by reach, uniform 0.5, per_row");
  token_weights weights;
  reach::measure(tamp::execute::sequential{}, by_hand, weights);
  auto weighed = tamp::with_weights(by_hand, weights);
  tamp::prune_model(weighed, recipe);
  BOOST_TEST((host.weights == by_hand.weights));
  mixing_mlp plain(3, 4, 6, 1);
  tamp::prune_model(plain, tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                         tamp::allocate::uniform{0.5}));
  BOOST_TEST(!(host.weights == plain.weights));
}

BOOST_AUTO_TEST_CASE(a_calibration_measures_keeps_and_combines_weights) {
  mixing_mlp host(2, 4, 6, 1);
  using both = tamp::calibration<reach_norm, column_norm>;
  both whole, stopped;
  BOOST_TEST(tamp::calibrate(host, whole));
  BOOST_TEST(whole.weights().samples() == 3u);
  BOOST_TEST(whole.weights().complete());
  // Stopped among the samples, and then among the blocks.
  int calls = 0;
  BOOST_TEST(!tamp::calibrate(host, stopped, [&](const tamp::progress&) { return ++calls < 3; }));
  BOOST_TEST(stopped.weights().samples() == 2u);
  BOOST_TEST(!tamp::calibrate(host, stopped, [](const tamp::progress& now) {
    return now.samples_done != 0 || now.block == 0;
  }));
  BOOST_TEST(stopped.blocks_done() == 1u);
  BOOST_TEST(tamp::calibrate(host, stopped));
  BOOST_TEST((stopped == whole));

  both twice = whole;
  twice.combine(whole);
  BOOST_TEST(twice.weights().samples() == 6u);
  BOOST_TEST(twice.of<reach_norm>(0).tokens() == 2 * whole.of<reach_norm>(0).tokens());

  // The statistics are those of the host with these weights.
  auto weighed = tamp::with_weights(host, whole.weights());
  both by_hand;
  tamp::calibrate(weighed, by_hand);
  for (std::size_t k = 0; k < whole.layers(); ++k)
    BOOST_TEST((by_hand.of<reach_norm>(k) == whole.of<reach_norm>(k)));
}

BOOST_AUTO_TEST_CASE(allocations_can_take_weights_too) {
  using weighted_wanda = tamp::score::weighted<tamp::score::wanda, reach>;
  mixing_mlp host(3, 4, 6, 1);
  const auto report = tamp::prune_model(
      host, tamp::compose(weighted_wanda{}, tamp::allocate::owl<weighted_wanda>{.sparsity = 0.5},
                          tamp::pattern::per_row{}));
  BOOST_TEST(report.layers.size() == 6u);
}

BOOST_AUTO_TEST_CASE(pruning_that_goes_on_needs_the_weights_of_before) {
  mixing_mlp host(3, 4, 6, 1), whole(3, 4, 6, 1);
  token_weights weights;
  reach::measure(tamp::execute::sequential{}, host, weights);
  const auto plan = tamp::plan(host, recipe);
  tamp::prune_report report;
  BOOST_TEST(!tamp::prune_model(host, plan, recipe, report,
                                [](const tamp::progress& now) { return now.block < 1; }));
  BOOST_TEST(report.layers.size() == 2u);
  check_error<tamp::value_error>(
      "prune: wanda by reach weighs tokens by the dense model, and 2 layers are pruned already: "
      "measure and save the weights before, and go on with tamp::with_weights(host, weights)",
      [&] { tamp::prune_model(host, plan, recipe, report); });
  auto weighed = tamp::with_weights(host, weights);
  BOOST_TEST(tamp::prune_model(weighed, plan, recipe, report));
  tamp::prune_model(whole, recipe);
  BOOST_TEST((host.weights == whole.weights));
}

BOOST_AUTO_TEST_CASE(pruning_that_is_stopped_while_it_measures_changes_nothing) {
  mixing_mlp host(3, 4, 6, 1), before = host;
  const auto report =
      tamp::prune_model(host, recipe, [](const tamp::progress& now) { return !now.dense; });
  BOOST_TEST(report.cancelled);
  BOOST_TEST(report.layers.empty());
  BOOST_TEST(report.heading() == "wanda by reach, uniform 0.5, per_row (cancelled)");
  BOOST_TEST((host.weights == before.weights));
}

BOOST_AUTO_TEST_CASE(weights_of_another_model_or_calibration_set_are_refused) {
  mixing_mlp host(2, 3, 5, 1), other(2, 3, 5, 2);
  token_weights weights;
  reach::measure(tamp::execute::sequential{}, host, weights);
  const token_weights before = weights;
  BOOST_CHECK_THROW(reach::measure(tamp::execute::sequential{}, other, weights), tamp::value_error);
  BOOST_TEST((weights == before));
}

BOOST_AUTO_TEST_CASE(a_sample_without_tokens_has_no_weights) {
  empty_sample empty(2, 3, 5, 1);
  token_weights weights;
  BOOST_TEST(reach::measure(tamp::execute::sequential{}, empty, weights));
  BOOST_TEST(weights.samples() == 1u);
  BOOST_TEST(weights.of(0, 1).empty());
}

BOOST_AUTO_TEST_CASE(hosts_that_find_out_what_they_show_may_give_weights) {
  asked giving(2, 3, 5, 1), silent(2, 3, 5, 1);
  tamp::calibration<reach_norm, column_norm> seen;
  BOOST_TEST(tamp::calibrate(giving, seen));
  BOOST_TEST((seen.weights() == token_weights()));
  for (std::size_t j = 0; j < 3; ++j)
    BOOST_TEST(seen.of<reach_norm>(0).sum_of_squares()[j] ==
               0.5 * seen.of<column_norm>(0).sum_of_squares()[j]);
  silent.gives = false;
  check_error<tamp::value_error>(
      "reach: the host shows no weights of tokens now, and cannot show whole samples",
      [&] { tamp::calibrate(silent, seen = {}); });
}

BOOST_AUTO_TEST_CASE(given_weights_are_not_those_that_are_measured) {
  asked host(2, 3, 5, 1);
  host.gives = false;
  tamp::calibration<reach_norm, given_norm> seen;
  check_error<tamp::value_error>(
      "this recipe looks at the weights of tokens, which the host does not show",
      [&] { tamp::calibrate(host, seen); });
}

BOOST_AUTO_TEST_CASE(calibrations_with_weights_of_the_host_can_be_combined) {
  mixing_mlp host(2, 4, 6, 1);
  token_weights weights;
  reach::measure(tamp::execute::sequential{}, host, weights);
  auto weighed = tamp::with_weights(host, weights);
  tamp::calibration<reach_norm> given, measured;
  tamp::calibrate(weighed, given);
  tamp::calibrate(host, measured);
  auto twice = given;
  twice.combine(given);
  BOOST_TEST(twice.of<reach_norm>(0).count() == 6u);
  check_error<tamp::value_error>(
      "calibration: the weights of tokens were measured for one of the parts to combine, and given "
      "by the host for the other",
      [&] { twice.combine(measured); });
  BOOST_TEST(twice.of<reach_norm>(0).count() == 6u);
}

BOOST_AUTO_TEST_CASE(weights_that_were_measured_belong_to_the_calibration_of_a_model) {
  mixing_mlp host(2, 3, 5, 1), other(2, 3, 5, 2);
  tamp::calibration<reach_norm> seen;
  BOOST_TEST(!tamp::calibrate(host, seen, [](const tamp::progress& now) {
    return now.samples_done < 2 && now.layers == 0;
  }));
  BOOST_CHECK_THROW(seen.prepare(tamp::execute::sequential{}, other), tamp::value_error);
  BOOST_TEST(tamp::calibrate(host, seen));
}

BOOST_AUTO_TEST_CASE(hosts_that_contradict_themselves_are_refused) {
  const auto refused = [](auto change, std::string_view sentence) {
    mixing_mlp host(2, 3, 5, 1);
    change(host);
    token_weights weights;
    check_error<tamp::shape_error>(
        sentence, [&] { reach::measure(tamp::execute::sequential{}, host, weights); });
    BOOST_TEST(!weights.complete());
  };
  refused([](mixing_mlp& host) { host.missing_blocks = 1; },
          "reach: the host has shown 1 of 2 blocks of sample 0");
  refused([](mixing_mlp& host) { host.missing_blocks = std::size_t(-1); },
          "reach: the host shows more than 2 blocks of sample 0");
  refused([](mixing_mlp& host) { host.extra_tokens = 1; },
          "reach: block 0 of sample 0 has 6 tokens, and the sample 5");
  refused([](mixing_mlp& host) { host.read = {1, 1}; },
          "reach: the positions read are 2, and sample 0 has 5 tokens");
}

BOOST_AUTO_TEST_SUITE_END()
