#pragma once

/// @file
/// One budget of multiply-adds, split among weights, tokens and visual computation.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/block_shape.hpp"
#include "../model/modality.hpp"
#include "compute_plan.hpp"
#include "detail/prompt_cost.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Checks an order of layers.
/// @throws value_error if the list names a layer that is not there, or one twice
inline void check_order(std::string_view list, std::span<const std::size_t> order,
                        std::size_t layers) {
  check_list(list, "layers", order);
  auto is_named = checked_array<unsigned char>(list, layers);
  for (const std::size_t layer : order) {
    if (layer >= layers) raise<value_error>(list, " names layer ", layer, ", there are ", layers);
    if (is_named[layer] != 0) raise<value_error>(list, " names layer ", layer, " twice");
    is_named[layer] = 1;
  }
}

/// Takes layers in the order of a list, which has been checked, until `is_met()`.
template <class IsMet>
void take_layers(std::span<const std::size_t> order, const IsMet& is_met,
                 std::vector<std::size_t>& taken) {
  for (const std::size_t layer : order) {
    if (is_met()) break;
    taken.insert(std::lower_bound(taken.begin(), taken.end(), layer), layer);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::compute {

/// The split of a budget, as the parts' shares of the logarithm of the savings:
///
///     fraction that a part leaves = budget^(share / sum of shares)
///
/// A part of share 0 is left alone.
struct budget_split {
  double tokens = 1, visual = 1, weights = 1;
};

/// Splits one multiply-add budget between tokens, visual computation and weights.
///
///     compute_plan p;
///     p.selector = "fitprune";
///     p = plan_compute(shape, layers, kinds, 0.4, p,
///                      [&](double fraction) { return fit_at(fraction); },          // a schedule
///                      ranking,                                       // compute::layer_ranking
///                      [&](double sparsity) { return plan_at(sparsity); });    // a pruning_plan
///
/// The parts save in this order:
/// - Tokens: `tokens_for(f)` returns the schedule that leaves the fraction f of the multiply-adds
///   of the visual tokens alone. The largest f (to 1/64) that meets the tokens' part of the budget
///   is taken.
/// - Visual computation: the heads in `settings.alone` become blind, all at once; then visual tokens
///   skip the layers in `settings.alone`, one after another in the order given; then layers spend
///   less on the visual tokens that stay, in the order of `ranking`. Each step is taken only until
///   that part is met.
/// - Weights: the linear layers save the rest. `weights_for(sparsity)` returns a plan of that
///   sparsity.
///
/// Savings that a part cannot make are left to the parts after it.
///
/// `settings` gives selector, dynamic_ffn, hollow_attention, and in `alone` the heads and layers that
/// may process the text alone. Its other members are not read.
/// `prompt` has the kinds of the tokens of a typical prompt.
///
/// @throws value_error if budget or shares are out of range, the ranking names a layer twice or one
///         that does not exist, a count of multiply-adds does not fit into 64 bits, or the budget
///         cannot be met, naming the fraction that is left
template <class TokensFor, class WeightsFor>
compute_plan plan_compute(const block_shape& shape, std::size_t layers,
                          std::span<const modality> prompt, double budget,
                          const compute_plan& settings, TokensFor&& tokens_for,
                          std::span<const std::size_t> ranking, WeightsFor&& weights_for,
                          const budget_split& split = {}) {
  const detail::ieee_arithmetic as_usual;
  if (!(detail::is_positive(budget) && budget <= 1))
    detail::raise<value_error>("plan_compute: the budget lies in (0, 1], and is ", budget);
  const double shares = split.tokens + split.visual + split.weights;
  if (!(detail::is_nonnegative(split.tokens) && detail::is_nonnegative(split.visual) &&
        detail::is_nonnegative(split.weights) && detail::is_positive(shares)))
    detail::raise<value_error>("plan_compute: the shares are ", split.tokens, ", ", split.visual,
                               " and ", split.weights, "; none is negative, and one is not 0");
  const compute::text_alone blind{settings.alone.heads, settings.alone.blind_heads, {}};
  validate(blind, layers);
  detail::check_order("plan_compute: text_alone", settings.alone.skipped_layers, layers);
  detail::check_order("plan_compute: the ranking", ranking, layers);
  compute_plan plan;
  plan.budget = budget;
  plan.selector = settings.selector;
  plan.ffn = settings.ffn;
  plan.attention = settings.attention;
  const detail::prompt_cost cost(shape, layers, prompt);
  const auto now = [&] {
    return cost(plan.tokens, plan.reduced_layers, plan.ffn, plan.attention, plan.alone);
  };
  plan.dense = plan.after_tokens = now().sum();
  const auto meets = [&](double share) {
    return static_cast<double>(now().sum()) <=
           static_cast<double>(plan.dense) * std::pow(budget, share / shares);
  };

  if (split.tokens > 0 && cost.visual() != 0 && !meets(split.tokens)) {
    // Fractions in 64ths: the largest that meets the share, or the smallest there is.
    std::size_t low = 0, high = 64;
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      plan.tokens = tokens_for(static_cast<double>(middle) / 64);
      (meets(split.tokens) ? low : high) = middle;
    }
    plan.tokens = tokens_for(static_cast<double>((std::max)(low, std::size_t{1})) / 64);
    plan.after_tokens = now().sum();
  }
  const auto meets_visual = [&] { return meets(split.tokens + split.visual); };
  if (split.visual > 0) {
    if (!blind.blind_heads.empty() && !meets_visual()) plan.alone = blind;
    detail::take_layers(settings.alone.skipped_layers, meets_visual, plan.alone.skipped_layers);
    detail::take_layers(ranking, meets_visual, plan.reduced_layers);
    std::erase_if(plan.reduced_layers, [&](std::size_t l) { return plan.alone.skips(l); });
  }
  const auto left = now();
  plan.after_visual = plan.after_weights = left.sum();
  const double target = static_cast<double>(plan.dense) * budget;
  if (static_cast<double>(left.sum()) <= target) return plan;

  const double density =
      (target - static_cast<double>(left.pairs)) / static_cast<double>(left.linear);
  if (split.weights == 0 || density < 0)
    detail::raise<value_error>("plan_compute: a budget of ", budget, " cannot be met: ",
                               split.weights == 0 ? "tokens and visual computation leave "
                                                  : "even without any weight, attention takes ",
                               static_cast<double>(split.weights == 0 ? left.sum() : left.pairs) /
                                   static_cast<double>(plan.dense));
  plan.weights = weights_for(1 - density);
  const double all = static_cast<double>(left.linear);
  const double kept = std::round(all * (1 - plan.weights.sparsity()));
  plan.after_weights =
      left.pairs + (kept < all ? static_cast<std::uint64_t>(kept) : std::uint64_t{left.linear});
  return plan;
}

}  // namespace tamp::inline TAMP_FLAGS::compute
