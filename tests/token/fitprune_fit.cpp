#include <tamp/token/fitprune_fit.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <tamp/token/attention_record.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_fitprune_fit)

using support::any_executor;
using support::check_error;
using tamp::block_shape;
using tamp::shape_error;
using tamp::value_error;
using tamp::token::attention_record;
using tamp::token::attention_recording;
using tamp::token::fitprune_fit;
using tamp::token::received_attention;
using tamp::token::rounding;
using tamp::token::schedule;
using indices = std::vector<std::size_t>;

namespace {

constexpr block_shape plain = block_shape::plain(4, 8);

attention_recording random_recording(const indices& visual_tokens, std::size_t layers,
                                     unsigned seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<float> number;  // a few get much, most get little
  attention_recording recording(layers);
  for (const std::size_t visual : visual_tokens)
    for (std::size_t l = 0; l < layers; ++l) {
      attention_record r{std::vector<double>(visual), std::vector<float>(visual * visual)};
      for (double& a : r.cross) a = double(number(random));
      for (float& a : r.self) a = number(random);
      recording.add(std::move(r));
    }
  return recording;
}

// The definition, one sample after another, for one alpha: what leaves in each layer of each
// sample, until the rest may stay. Written without any of the library's own arithmetic.
struct simulation {
  std::vector<indices> left;
  std::vector<indices> drops;  // (samples, layers)
  bool met = false;

  simulation(const attention_recording& recording, const block_shape& shape, double budget,
             double alpha, std::size_t text) {
    const std::size_t samples = recording.samples(), layers = recording.layers();
    double whole = 0, spent = 0;
    for (std::size_t s = 0; s < samples; ++s) {
      left.emplace_back(recording.visual_tokens()[s]);
      std::iota(left[s].begin(), left[s].end(), std::size_t{0});
      drops.emplace_back(layers);
      whole += double(layers) * cost(shape, left[s].size() + text, left[s].size() + text);
    }
    for (std::size_t l = 0; l < layers && !met; ++l) {
      double unchanged = spent;
      for (const indices& t : left)
        unchanged += double(layers - l) * cost(shape, t.size() + text, t.size() + text);
      if ((met = unchanged <= budget * whole)) break;
      for (std::size_t s = 0; s < samples; ++s) {
        const std::size_t before = left[s].size();
        const indices all = all_of(recording.visual_tokens()[s]);
        const auto now = recording(s, l, left[s]), first = recording(s, l, all);
        const auto a = spare(now.cross, sum(first.cross), alpha);
        const auto b = spare(now.self, sum(first.self), alpha);
        indices stay;
        for (std::size_t k = 0; k < before; ++k)
          if (!(a[k] && b[k])) stay.push_back(left[s][k]);
        left[s] = stay;
        drops[s][l] = before - stay.size();
        spent += cost(shape, before + text, stay.size() + text);
      }
    }
    met = met || spent <= budget * whole;
  }

  // Of samples of one size.
  schedule floor_of_the_mean() const {
    schedule mean{indices(drops[0].size())};
    for (std::size_t l = 0; l < mean.drops.size(); ++l) {
      for (const indices& of_sample : drops) mean.drops[l] += of_sample[l];
      mean.drops[l] /= drops.size();
    }
    return mean;
  }

  // Of samples with images of any sizes.
  std::vector<double> mean_of_fractions(const attention_recording& recording) const {
    std::vector<double> mean(drops[0].size());
    double samples = 0;
    for (std::size_t s = 0; s < drops.size(); ++s) {
      const double visual = double(recording.visual_tokens()[s]);
      samples += visual != 0;
      for (std::size_t l = 0; l < mean.size() && visual != 0; ++l)
        mean[l] += double(drops[s][l]) / visual;
    }
    for (double& fraction : mean) fraction /= samples;
    return mean;
  }

 private:
  static double cost(const block_shape& b, std::size_t in, std::size_t out) {
    const double n = double(in), m = double(out), d = double(b.hidden), q = double(b.queries);
    return n * d * (q + 2 * double(b.keys)) + 2 * n * n * q + m * q * d +
           double(b.ffn_layers) * m * d * double(b.ffn);
  }
  static indices all_of(std::size_t count) {
    indices all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  static double sum(const std::vector<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0);
  }
  // A token can be spared if it and all that get less leave at least (1 - alpha) of the whole.
  static std::vector<bool> spare(const std::vector<double>& now, double whole, double alpha) {
    std::vector<bool> can(now.size());
    for (std::size_t k = 0; k < now.size(); ++k) {
      double less = 0;
      for (std::size_t j = 0; j < now.size(); ++j)
        if (now[j] < now[k] || (now[j] == now[k] && j <= k)) less += now[j];
      can[k] = sum(now) - less >= (1 - alpha) * whole - 1e-12;
    }
    return can;
  }
};

}  // namespace

// One layer, four tokens; both statistics are 1 2 3 4 of 10. 2 tokens can be spared from alpha =
// 0.3 on, 1 from 0.1 on. A layer of width 1 without feed-forward part costs 3 n + 2 n^2 + m: 48 in
// all, 47 without one token, 46 without two.
BOOST_AUTO_TEST_CASE(by_hand) {
  attention_recording recording(1);
  attention_record record{{1, 2, 3, 4}, {}};
  for (int row = 0; row < 4; ++row) record.self.insert(record.self.end(), {1, 2, 3, 4});
  recording.add(record);
  const auto fit_to = [&](double budget) {
    return fitprune_fit{.budget = budget, .shape = {1, 1, 1, 0}, .resolution = 1.0 / 1024}(
        recording, recording.visual_tokens(), 1);
  };
  const auto one = fit_to(47.0 / 48);
  BOOST_TEST(one.met);
  BOOST_TEST(one.cost == 47.0 / 48);
  BOOST_TEST(one.cost_before_rounding == 47.0 / 48);
  BOOST_TEST(one.schedule.drops == (std::vector<double>{0.25}), boost::test_tools::per_element());
  BOOST_TEST(one.schedule.for_tokens(4).drops == (indices{1}), boost::test_tools::per_element());
  BOOST_TEST(one.alpha >= 0.1);
  BOOST_TEST(one.alpha <= 0.1 + 1.0 / 1024);
  const auto two = fit_to(46.5 / 48);
  BOOST_TEST(two.met);
  BOOST_TEST(two.schedule.for_tokens(4).drops == (indices{2}), boost::test_tools::per_element());
  BOOST_TEST(two.alpha >= 0.3);
  BOOST_TEST(two.alpha <= 0.3 + 1.0 / 1024);
}

// A token goes only if both statistics can do without it, and what earlier layers took counts.
BOOST_AUTO_TEST_CASE(two_layers_by_hand) {
  attention_recording recording(2);
  // Layer 0: the words spare tokens 0 and 1, the image spares 1 and 2; only 1 leaves.
  recording.add({{1, 1, 10, 8}, {8, 1, 1, 10, 8, 1, 1, 10, 8, 1, 1, 10, 8, 1, 1, 10}});
  // Layer 1: 0 and 1 have one half of a tenth each. Without 1 there is room for token 0 only.
  recording.add({{1, 1, 1, 17}, {1, 1, 1, 17, 1, 1, 1, 17, 1, 1, 1, 17, 1, 1, 1, 17}});
  const fitprune_fit fit{.budget = 0.9, .shape = {1, 1, 1, 0}, .resolution = 1.0 / 64};
  // Dense: 2 * (3 * 4 + 2 * 16 + 4) = 96, and 0.9 of it is 86.4. With alpha = 0.1: layer 0 costs
  // 44 + 3, layer 1 costs 27 + 2: 76. Already the drop of layer 0 is enough: 44 + 3 + 27 + 3 = 77.
  const auto found = fit(recording, recording.visual_tokens(), 2);
  BOOST_TEST(found.met);
  BOOST_TEST(found.schedule.for_tokens(4).drops == (indices{1, 0}),
             boost::test_tools::per_element());
  // 76 / 96 is met by layer 1 alone dropping one of those that are left.
  auto less = fit;
  less.budget = 76.5 / 96;
  const auto more = less(recording, recording.visual_tokens(), 2);
  BOOST_TEST(more.met);
  BOOST_TEST(more.schedule.for_tokens(4).drops == (indices{1, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(more.alpha >= 0.1);
  BOOST_TEST(more.alpha <= 0.1 + 1.0 / 64);
}

// Every alpha of the grid one after another, instead of a search.
BOOST_AUTO_TEST_CASE(it_finds_what_trying_every_alpha_finds) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const indices visual = seed % 3 == 0 ? indices{24} : indices{17, 24, 9};
    const std::size_t layers = 2 + seed % 4, text = seed % 2 == 0 ? 0 : 5;
    const attention_recording recording = random_recording(visual, layers, seed);
    const block_shape shape = seed % 2 == 0 ? plain : block_shape{8, 8, 2, 20, 3};
    for (const double budget : {0.9, 0.6, 0.45}) {
      const fitprune_fit fit{budget, shape, 1.0 / 128, text};
      const auto found = fit(recording, recording.visual_tokens(), layers);
      std::size_t best = 128;  // of 128
      while (best > 1 && simulation(recording, shape, budget, double(best - 1) / 128, text).met)
        --best;
      BOOST_TEST_CONTEXT("seed " << seed << ", budget " << budget) {
        const simulation expected(recording, shape, budget, double(best) / 128, text);
        BOOST_TEST((found.cost_before_rounding <= budget) == expected.met);
        BOOST_TEST(found.alpha == (expected.met ? double(best) / 128 : 1.0));
        const auto fractions = expected.mean_of_fractions(recording);
        for (std::size_t l = 0; l < layers; ++l)
          BOOST_TEST(std::abs(found.schedule.drops[l] - fractions[l]) < 1e-12);
        if (visual.size() == 1)
          BOOST_TEST(found.schedule.for_tokens(24).drops == expected.floor_of_the_mean().drops,
                     boost::test_tools::per_element());
        double highest = 0;
        for (const std::size_t size : visual)
          highest = std::max(highest, found.schedule.for_tokens(size).cost(shape, size, text));
        BOOST_TEST(found.cost == highest);
        BOOST_TEST(found.met == (highest <= budget));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_whole_budget_drops_nothing) {
  const auto recording = random_recording({8, 12}, 3, 1);
  const auto found = fitprune_fit{.budget = 1, .shape = plain}(recording, indices{8, 12}, 3);
  BOOST_TEST(found.met);
  BOOST_TEST(found.cost == 1.0);
  BOOST_TEST(found.schedule.drops == std::vector<double>(3), boost::test_tools::per_element());
  BOOST_TEST(found.alpha <= 0.01);
}

// Layer 0 needs its projections and attention, whatever leaves: 3/8 and 1/8 of its cost.
BOOST_AUTO_TEST_CASE(a_budget_out_of_reach_drops_all_and_says_so) {
  const auto recording = random_recording({8, 12}, 3, 1);
  const auto found = fitprune_fit{.budget = 0.05, .shape = plain}(recording, indices{8, 12}, 3);
  BOOST_TEST(!found.met);
  BOOST_TEST(found.alpha == 1.0);
  BOOST_TEST(found.schedule.drops == (std::vector<double>{1, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(found.cost > 0.05);
}

BOOST_AUTO_TEST_CASE(the_edge_of_reach_is_met) {
  const auto recording = random_recording({8}, 2, 1);
  const double least = double(plain.projections(8) + plain.attention(8));
  const double whole = double(2 * plain.block(8));
  const auto fit = [&](double budget) {
    return fitprune_fit{.budget = budget, .shape = plain}(recording, indices{8}, 2);
  };
  BOOST_TEST(fit((least + 0.5) / whole).met);
  BOOST_TEST(!fit((least - 0.5) / whole).met);
}

BOOST_AUTO_TEST_CASE(the_schedule_of_one_sample_meets_the_budget) {
  for (const std::size_t text : {0u, 7u})
    for (const block_shape& shape :
         {plain, block_shape{16, 16, 4, 40, 3}, block_shape{6, 6, 6, 24, 2}})
      for (const double budget : {0.8, 0.6, 0.4}) {
        const auto recording = random_recording({30}, 5, 4);
        const auto found =
            fitprune_fit{.budget = budget, .shape = shape, .text = text}(recording, indices{30}, 5);
        const double cost = found.schedule.cost(shape, 30, text);
        BOOST_TEST(found.met == (cost <= budget));
        if (text == 0) BOOST_TEST(found.met);
      }
}

// Words take their part of the budget: the image must give more.
BOOST_AUTO_TEST_CASE(text_makes_the_image_lose_more) {
  const auto recording = random_recording({30}, 4, 4);
  std::size_t fewer = 0;
  for (const std::size_t text : {0u, 10u, 20u}) {
    const auto found =
        fitprune_fit{.budget = 0.6, .shape = plain, .text = text}(recording, indices{30}, 4);
    BOOST_TEST(found.met);
    const std::size_t gone = 30 - found.schedule.left(30, 3);
    BOOST_TEST(gone >= fewer);
    fewer = gone;
  }
  // So many words that the image cannot make up for them.
  BOOST_TEST(
      (!fitprune_fit{.budget = 0.6, .shape = plain, .text = 1000}(recording, indices{30}, 4).met));
}

BOOST_AUTO_TEST_CASE(a_lower_budget_takes_a_larger_alpha) {
  const auto recording = random_recording({20, 25}, 4, 9);
  double alpha = 0;
  for (const double budget : {1.0, 0.9, 0.8, 0.6, 0.4, 0.3, 0.2}) {
    const auto found =
        fitprune_fit{.budget = budget, .shape = plain}(recording, indices{20, 25}, 4);
    BOOST_TEST(found.alpha >= alpha);
    alpha = found.alpha;
  }
}

BOOST_AUTO_TEST_CASE(samples_without_an_image_are_ignored) {
  const auto recording = random_recording({0, 9, 0, 12}, 3, 1);
  const auto without = [&] {
    attention_recording images(3);
    for (const std::size_t sample : {1u, 3u})
      for (std::size_t l = 0; l < 3; ++l) images.add(recording.at(sample, l));
    return images;
  }();
  for (const rounding round : {rounding::down, rounding::up}) {
    const fitprune_fit fit{.budget = 0.5, .shape = plain, .text = 3, .rounding = round};
    const auto found = fit(recording, recording.visual_tokens(), 3);
    BOOST_TEST((found == fit(without, without.visual_tokens(), 3)));
    // They are not asked about either.
    const auto host = [&](std::size_t sample, std::size_t layer,
                          std::span<const std::size_t> left) {
      BOOST_TEST_REQUIRE(sample % 2 == 1u);
      return recording(sample, layer, left);
    };
    BOOST_TEST((found == fit(host, recording.visual_tokens(), 3)));
  }
  const auto words = random_recording({0, 0}, 2, 1);
  check_error<value_error>("fitprune_fit: none of 2 samples has a visual token", [&] {
    fitprune_fit{.budget = 0.5, .shape = plain}(words, indices{0, 0}, 2);
  });
}

// Two images of the same flat attention: counts that fit the large one would take all of the small
// one. Fractions take the same part of both.
BOOST_AUTO_TEST_CASE(images_of_different_sizes_lose_the_same_part) {
  const block_shape shape = block_shape::plain(64, 128);
  const indices sizes{576, 2880};
  const auto flat = [](std::size_t, std::size_t, std::span<const std::size_t> left) {
    return received_attention{std::vector<double>(left.size(), 1.0),
                              std::vector<double>(left.size(), 1.0)};
  };
  for (const rounding round : {rounding::down, rounding::up}) {
    const auto found =
        fitprune_fit{.budget = 0.5, .shape = shape, .rounding = round}(flat, sizes, 4);
    double highest = 0;
    for (const std::size_t visual : sizes) {
      const std::size_t left = found.schedule.left(visual, 3);
      BOOST_TEST(left > visual / 8);
      BOOST_TEST(std::abs(double(left) / double(visual) -
                          double(found.schedule.left(100000, 3)) / 100000) < 0.01);
      highest = std::max(highest, found.schedule.cost(shape, visual));
    }
    BOOST_TEST(found.cost == highest);
    BOOST_TEST(found.met == (highest <= 0.5));
    BOOST_TEST(found.met == (round == rounding::up));
  }
}

// Samples of one size: the mean costs no more than the samples do, since attention is convex.
BOOST_AUTO_TEST_CASE(rounded_up_the_budget_is_met) {
  std::size_t missed = 0;
  for (unsigned seed = 0; seed < 20; ++seed)
    for (const double budget : {0.85, 0.6, 0.4}) {
      const std::size_t text = seed % 3 == 0 ? 4 : 0;
      // An odd seed has images of different sizes, which may need more than their mean.
      const indices visual = seed % 2 == 0 ? indices(5, 31) : indices{31, 8, 64, 17};
      const auto recording = random_recording(visual, 6, seed);
      fitprune_fit fit{.budget = budget, .shape = plain, .text = text, .rounding = rounding::up};
      const auto up = fit(recording, visual, 6);
      fit.rounding = rounding::down;
      const auto down = fit(recording, visual, 6);
      BOOST_TEST_CONTEXT("seed " << seed << ", budget " << budget) {
        BOOST_TEST(up.met);
        BOOST_TEST(up.cost <= budget);
        BOOST_TEST(up.alpha == down.alpha);
        BOOST_TEST(down.cost >= up.cost);
        for (const std::size_t size : visual)
          BOOST_TEST(up.schedule.cost(plain, size, text) <= budget);
        // Only where the sizes differ are the fractions more than those of the fit.
        if (seed % 2 == 0)
          BOOST_TEST(up.schedule.drops == down.schedule.drops, boost::test_tools::per_element());
        missed += !down.met;
      }
    }
  BOOST_TEST(missed > 30u);
}

BOOST_AUTO_TEST_CASE(attention_that_is_zero_everywhere_spares_every_token) {
  attention_recording nothing(3);
  for (const std::size_t visual : {6u, 9u})
    for (int l = 0; l < 3; ++l)
      nothing.add({std::vector<double>(visual), std::vector<float>(visual * visual)});
  for (const rounding round : {rounding::down, rounding::up}) {
    const auto found = fitprune_fit{.budget = 0.6, .shape = plain, .rounding = round}(
        nothing, nothing.visual_tokens(), 3);
    BOOST_TEST(found.schedule.drops == (std::vector<double>{1, 0, 0}),
               boost::test_tools::per_element());
    BOOST_TEST(found.alpha <= 0.01);
    BOOST_TEST(found.met);
  }
  // If it is zero in one statistic, the other decides; if in some layers, the others do.
  attention_recording words(2);
  attention_record record{{1, 2, 3, 4}, std::vector<float>(16)};
  words.add(record);
  words.add({std::vector<double>(4), std::vector<float>(16)});
  const auto found = fitprune_fit{.budget = 0.9, .shape = plain}(words, words.visual_tokens(), 2);
  BOOST_TEST(found.schedule.left(4, 0) == 4u);
  BOOST_TEST(found.schedule.left(4, 1) == 0u);
  BOOST_TEST(found.alpha <= 0.01);
}

// The budget is looked at after the last layer, too: what leaves there counts. The published code
// looks only before each layer, goes on to alpha = 0.375, and drops 2 and 0.
BOOST_AUTO_TEST_CASE(drops_of_the_last_layer_can_meet_the_budget) {
  const std::vector<std::vector<float>> layers{
      {1.0f,    0,       0,       0,       0,       0,       0.4164f, 0.5836f, 0,
       0,       0,       0,       0.0663f, 0.2137f, 0.7201f, 0,       0,       0,
       0.1273f, 0.0542f, 0.1714f, 0.6471f, 0,       0,       0.337f,  0.1528f, 0.0809f,
       0.0084f, 0.4209f, 0,       0.1568f, 0.1007f, 0.577f,  0.1166f, 0.029f,  0.0199f},
      {1.0f,   0,       0,       0,       0,       0,       0.801f,  0.199f,  0,
       0,      0,       0,       0.9791f, 0.0095f, 0.0114f, 0,       0,       0,
       0.913f, 0.0249f, 0.0084f, 0.0537f, 0,       0,       0.5683f, 0.0824f, 0.2814f,
       0.008f, 0.0599f, 0,       0.6602f, 0.0081f, 0.218f,  0.0203f, 0.0925f, 0.0009f}};
  using enum tamp::modality;
  const std::vector<tamp::modality> kinds{image, image, image, image, text, text};
  attention_recording recording(2);
  for (const auto& attention : layers)
    recording.add(attention_record::of({.kinds = kinds, .attention = {attention, 1, 6}}));
  const fitprune_fit fit{.budget = 0.7, .shape = block_shape::plain(4096, 11008)};
  const auto found = fit(recording, recording.visual_tokens(), 2);
  BOOST_TEST(found.met);
  BOOST_TEST(found.alpha == 0.1640625);
  BOOST_TEST(found.schedule.for_tokens(4).drops == (indices{1, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_resolution_finer_than_a_double_ends) {
  const auto recording = random_recording({12}, 3, 2);
  const auto found =
      fitprune_fit{.budget = 0.5, .shape = plain, .resolution = 1e-300}(recording, indices{12}, 3);
  BOOST_TEST(found.met);
}

// As a host that runs each layer on what is left: asked in the order of the layers.
BOOST_AUTO_TEST_CASE(layers_are_asked_in_order_with_fewer_and_fewer_tokens) {
  const auto recording = random_recording({16, 10}, 4, 3);
  std::size_t layer_before = 0;
  std::vector<indices> left_before(2);
  bool in_order = true, part = true;
  const auto host = [&](std::size_t sample, std::size_t layer, std::span<const std::size_t> left) {
    if (layer != 0) {
      in_order &= layer == layer_before || layer == layer_before + 1;
      part &= std::includes(left_before[sample].begin(), left_before[sample].end(), left.begin(),
                            left.end());
    }
    layer_before = layer;
    left_before[sample].assign(left.begin(), left.end());
    return recording(sample, layer, left);
  };
  const fitprune_fit fit{.budget = 0.4, .shape = plain};
  const auto found = fit(host, indices{16, 10}, 4);
  BOOST_TEST(in_order);
  BOOST_TEST(part);
  BOOST_TEST((found == fit(recording, recording.visual_tokens(), 4)));
}

BOOST_AUTO_TEST_CASE(executors_change_nothing) {
  const indices visual{16, 10, 21, 7, 13};
  const auto recording = random_recording(visual, 4, 3);
  for (const rounding round : {rounding::down, rounding::up}) {
    const fitprune_fit fit{.budget = 0.45, .shape = plain, .rounding = round};
    const auto expected = fit(recording, visual, 4);
    BOOST_TEST(expected.cost_before_rounding <= 0.45);
    for (const any_executor& exec : support::every_executor)
      BOOST_TEST((fit(exec, recording, visual, 4) == expected), exec);
  }
}

BOOST_AUTO_TEST_CASE(answers_that_cannot_be_are_refused) {
  const fitprune_fit fit{.budget = 0.5, .shape = plain};
  const auto answering = [&](std::size_t cross, std::size_t self, double number) {
    return [=](std::size_t sample, std::size_t layer, std::span<const std::size_t>) {
      const bool broken = sample == 1 && layer == 2;
      received_attention answer{std::vector<double>(broken ? cross : 4, 1.0),
                                std::vector<double>(broken ? self : 4, 1.0)};
      if (broken) answer.self.back() = number;
      return answer;
    };
  };
  const indices visual{4, 4};
  for (const any_executor& exec : support::every_executor) {
    check_error<shape_error>(
        "fitprune_fit: in layer 2 of sample 1 the attention covers 3 and 4 tokens instead of 4",
        [&] { fit(exec, answering(3, 4, 1.0), visual, 3); });
    check_error<shape_error>(
        "fitprune_fit: in layer 2 of sample 1 the attention covers 4 and 5 tokens instead of 4",
        [&] { fit(exec, answering(4, 5, 1.0), visual, 3); });
    for (const auto& [number, name] :
         {std::pair<double, std::string>{double(support::not_a_number), "nan"},
          {-0.5, "-0.5"},
          {double(support::infinity), "inf"}})
      check_error<value_error>(
          "fitprune_fit: an attention in layer 2 of sample 1 is " + name,
          [&, number = number] { fit(exec, answering(4, 4, number), visual, 3); });
  }
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_are_refused) {
  const auto recording = random_recording({4}, 2, 1);
  const auto refuse = [&](const fitprune_fit& fit, const indices& visual, std::size_t layers,
                          const std::string& sentence) {
    check_error<value_error>("fitprune_fit: " + sentence, [&] { fit(recording, visual, layers); });
  };
  const double nan = double(support::not_a_number);
  refuse({.budget = 0, .shape = plain}, {4}, 2, "the budget lies in (0, 1], and is 0");
  refuse({.budget = 1.5, .shape = plain}, {4}, 2, "the budget lies in (0, 1], and is 1.5");
  refuse({.budget = nan, .shape = plain}, {4}, 2, "the budget lies in (0, 1], and is nan");
  refuse({.shape = plain, .resolution = 0}, {4}, 2,
         "the resolution is a finite number above 0, not 0");
  refuse({.shape = plain, .resolution = nan}, {4}, 2,
         "the resolution is a finite number above 0, not nan");
  refuse({.shape = plain, .resolution = INFINITY}, {4}, 2,
         "the resolution is a finite number above 0, not inf");
  refuse({.shape = plain}, {}, 2, "there are 0 samples of 2 layers");
  refuse({.shape = plain}, {4}, 0, "there are 1 samples of 0 layers");
}

BOOST_AUTO_TEST_CASE(sizes_that_wrap_are_refused_before_attention_is_asked) {
  const auto never = [](std::size_t, std::size_t, std::span<const std::size_t>) {
    BOOST_ERROR("attention was asked");
    return received_attention{};
  };
  fitprune_fit fit;
  fit.shape = block_shape::plain(1, 1);
  const indices large{std::size_t{1} << 62}, few{4};
  check_error<value_error>(
      "multiply-adds: 4611686018427387904 times 4611686018427387904 is too large to be counted",
      [&] { fit(never, large, 4); });
  check_error<value_error>("multiply-adds: 60 times 4611686018427387904 is too large to be counted",
                           [&] { fit(never, few, large[0]); });
  fit.text = static_cast<std::size_t>(-1);
  check_error<value_error>(
      "fitprune_fit: 4 and 18446744073709551615 together are too large to be counted",
      [&] { fit(never, few, 4); });
}

BOOST_AUTO_TEST_SUITE_END()
