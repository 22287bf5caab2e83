// Schedules and rankings: how many tokens leave where, and what computes less, for any counts.

#include <tamp/compute/compute_plan.hpp>
#include <tamp/compute/layer_ranking.hpp>
#include <tamp/compute/plan_compute.hpp>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/relative_schedule.hpp>
#include <tamp/token/schedule.hpp>

#include <algorithm>
#include <numeric>

#include "fuzz.hpp"

namespace fuzz::schedules {

using tamp::token::schedule;

/// No more leave than there are.
void check_schedule(const schedule& s, std::size_t layers, std::size_t visual) {
  check(s.drops.size() == layers, "each layer has a number");
  std::size_t left = visual;
  for (const std::size_t drop : s.drops) {
    check(drop <= left, "no more tokens leave than there are");
    left -= drop;
  }
  if (layers != 0) check(s.left(visual, layers - 1) == left, "the others go on");
}

void pyramid(source& in) {
  tamp::token::pyramid_drop policy{in.fraction(), in.size(9)};
  if (in.flag()) policy.layers = in.list(in.count(0, 4), [&] { return in.size(9); });
  if (in.flag()) policy.ratios = in.list(in.count(0, 4), [&] { return in.fraction(); });
  policy.leave = tamp::token::departure(in.count(0, 2));
  const std::size_t layers = in.count(0, 40), visual = in.size(3000);
  refusal([&] { check_schedule(policy(layers, visual), layers, visual); });
}

/// Fractions leave as whole tokens, the wanted number of them or one more or less a layer.
void relative(source& in) {
  tamp::token::relative_schedule s;
  s.drops = in.list(in.count(0, 5), [&] { return in.fraction(); });
  s.rounding = tamp::token::rounding(in.count(0, 1));
  const std::size_t visual = in.size(3000);
  const bool up = s.rounding == tamp::token::rounding::up;
  refusal([&] {
    const schedule whole = s.for_tokens(visual);
    check_schedule(whole, s.drops.size(), visual);
    double sum = 0;
    for (std::size_t l = 0; l < s.drops.size() && visual < 1000000; ++l) {
      sum += s.drops[l];
      const auto gone = static_cast<double>(visual - whole.left(visual, l));
      const double wanted = sum * static_cast<double>(visual), layer = static_cast<double>(l + 1);
      check(up ? gone >= std::min(wanted, static_cast<double>(visual)) - 1e-6 && gone < wanted + 1
               : gone <= wanted + 1e-6 * layer && gone > wanted - layer - 1e-6,
            "whole tokens leave as the fractions say");
    }
  });
}

void at_once(source& in) {
  const std::size_t layers = in.count(0, 9), layer = in.size(9), count = in.size(99);
  const auto refused =
      refusal([&] { check_schedule(tamp::token::drop_at(layers, layer, count), layers, count); });
  check(refused.has_value() == (layer >= layers), "exactly a layer that there is not is refused");
}

tamp::block_shape shape_of(source& in) {
  return {in.count(0, 300), in.count(0, 300), in.count(0, 300), in.count(0, 900), in.count(2, 3)};
}

/// The mean attention of a few samples whose visual tokens are of different numbers.
void fit(source& in) {
  const std::size_t layers = in.count(0, 4);
  const auto visual = in.list(in.count(0, 3), [&] { return in.count(0, 7); });
  tamp::token::fitprune_fit policy;
  policy.budget = in.fraction();
  policy.shape = shape_of(in);
  policy.resolution = in.once_in(8) ? in.number<double>() : 0.05;
  policy.text = in.count(0, 5);
  policy.rounding = tamp::token::rounding(in.count(0, 1));
  const bool broken = in.once_in(16);
  std::vector<tamp::token::attention_record> records;
  for (const std::size_t count : visual)
    for (std::size_t l = 0; l < layers; ++l)
      records.push_back({in.list(count, [&] { return std::fabs(in.finite<double>()); }),
                         in.list(count * count, [&] {
                           return broken ? in.number<float>() : std::fabs(in.finite<float>());
                         })});
  refusal([&] {
    tamp::token::attention_recording recording(layers);
    for (auto& record : records) recording.add(std::move(record));
    const auto found = policy(recording, visual, layers);
    check(found.alpha >= 0 && found.alpha <= 1, "alpha is a fraction");
    check(found.schedule.drops.size() == layers, "each layer has a number");
    double highest = 0;
    for (const std::size_t count : visual) {
      check_schedule(found.schedule.for_tokens(count), layers, count);
      if (count != 0)
        highest = std::max(highest, found.schedule.cost(policy.shape, count, policy.text));
    }
    check(found.cost == highest, "the cost is that of the sample that it costs most");
    check(found.met == (found.cost <= policy.budget), "the budget is met where the cost says so");
    const bool one_size = std::count(visual.begin(), visual.end(), visual.front()) ==
                          static_cast<std::ptrdiff_t>(visual.size());
    if (policy.rounding == tamp::token::rounding::up && one_size &&
        found.cost_before_rounding <= policy.budget)
      check(found.met, "rounded up, what the fit has met is met");
  });
}

/// A ranking that is interrupted goes on to the same order.
void ranking(source& in) {
  const std::size_t layers = in.count(0, 6);
  const bool broken = in.once_in(16);
  const std::uint64_t seed = in.bits<std::uint64_t>();
  const auto divergence = [&](std::span<const std::size_t> reduced) {
    source of_set({reinterpret_cast<const std::uint8_t*>(reduced.data()), reduced.size_bytes()});
    (void)of_set.rest();
    const std::uint64_t mixed = of_set.bits<std::uint64_t>() ^ seed;
    return broken && mixed % 7 == 0 ? std::nan("") : static_cast<double>(mixed % 8);
  };
  const tamp::compute::layer_ranking policy{in.flag()};
  std::vector<std::size_t> whole, resumed;
  const auto refused = refusal([&] { whole = policy(layers, divergence); });
  tamp::compute::evaluated_sets known;
  std::size_t left = in.count(0, 9);
  refusal([&] {
    policy(layers, divergence, known,
           [&](const tamp::compute::ranking_progress&) { return left-- != 0; });
  });
  check(refusal([&] { resumed = policy(layers, divergence, known); }) == refused,
        "both are refused alike");
  if (refused) return;
  check(whole == resumed, "an interrupted ranking goes on to the same order");
  std::sort(whole.begin(), whole.end());
  check(whole.size() == layers && std::adjacent_find(whole.begin(), whole.end()) == whole.end() &&
            (whole.empty() || whole.back() < layers),
        "every layer has one place");
}

/// One budget for tokens, visual computation and weights.
void planned(source& in) {
  const std::size_t layers = in.count(0, 6);
  const auto shape = shape_of(in);
  const auto prompt = in.list(in.count(0, 12), [&] { return tamp::modality(in.count(0, 2)); });
  std::vector<std::size_t> order(layers);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (in.once_in(8) && !order.empty()) in.flag() ? order.pop_back() : order.push_back(in.size(6));
  const auto share = [&] { return in.once_in(16) ? in.number<double>() : double(in.count(0, 2)); };
  const tamp::compute::budget_split split{share(), share(), share()};
  const double budget = in.fraction();
  const auto leave = tamp::token::departure(in.count(0, 2));
  refusal([&] {
    const auto plan = tamp::compute::plan_compute(
        shape, layers, prompt, budget, {},
        [&](double fraction) {
          schedule s{std::vector<std::size_t>(layers), leave};
          if (layers != 0) s.drops[0] = static_cast<std::size_t>(12 * (1 - fraction));
          return s;
        },
        order,
        [&](double sparsity) {
          tamp::pruning_plan weights;
          weights.layers.push_back({"w", 0, 100, 100, sparsity, false, {}});
          return weights;
        },
        split);
    check(plan.after_tokens <= plan.dense && plan.after_visual <= plan.after_tokens &&
              plan.after_weights <= plan.after_visual,
          "each part saves something or nothing");
    const auto dense = static_cast<double>(plan.dense);
    check(static_cast<double>(plan.after_weights) <= budget * dense * (1 + 1e-9) + 1,
          "the budget is met, to one multiply-add");
    check(std::is_sorted(plan.reduced_layers.begin(), plan.reduced_layers.end()),
          "reduced layers ascend");
  });
}

constexpr void (*kinds[])(source&) = {pyramid, relative, at_once, fit, ranking, planned};

const registered here("schedules", [](source& in) { in.of(kinds)(in); });

}  // namespace fuzz::schedules
