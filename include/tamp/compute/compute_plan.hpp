#pragma once

/// @file
/// One budget of multiply-adds, split among weights, tokens and visual computation.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/block_shape.hpp"
#include "../model/modality.hpp"
#include "../prune/pruning_plan.hpp"
#include "../token/schedule.hpp"
#include "dynamic_ffn.hpp"
#include "hollow_attention.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// Everything that an engine computes less of, and what each part contributes. A value: printable,
/// comparable, saved as JSON (tamp/io/compute_plan.hpp). Multiply-adds are those of all decoder
/// blocks on one prompt, attention counted as the full square.
struct compute_plan {
  double budget = 1;  ///< asked fraction of the dense multiply-adds

  std::string selector;    ///< which visual tokens leave,
  token::schedule tokens;  ///< and how many in which layer

  std::vector<std::size_t> reduced_layers;  ///< that spend less on visual tokens, ascending
  dynamic_ffn ffn;                          ///< how, in those layers
  hollow_attention attention;

  pruning_plan weights;  ///< how much each linear layer loses

  std::uint64_t dense = 0;          ///< multiply-adds of the whole model,
  std::uint64_t after_tokens = 0;   ///< once the tokens have left,
  std::uint64_t after_visual = 0;   ///< once the rest of them costs less, too,
  std::uint64_t after_weights = 0;  ///< and with pruned weights, if their kernels skip zeros

  /// The fraction of the dense multiply-adds that is left.
  double cost() const {
    return dense == 0 ? 1.0 : static_cast<double>(after_weights) / static_cast<double>(dense);
  }

  friend bool operator==(const compute_plan&, const compute_plan&) = default;

  /// What each part contributes, one line a part.
  friend std::ostream& operator<<(std::ostream& out, const compute_plan& p) {
    const auto flags = out.flags();
    const auto precision = out.precision();
    const auto line = [&](const char* part, std::uint64_t before, std::uint64_t after,
                          const std::string& what) {
      const double whole = p.dense == 0 ? 1.0 : static_cast<double>(p.dense);
      out << std::left << std::setw(20) << part << std::right << std::setw(10) << std::fixed
          << std::setprecision(2) << static_cast<double>(after) / 1e9 << " G" << std::setw(8)
          << std::setprecision(1) << 100 * static_cast<double>(before - after) / whole << " % less"
          << (what.empty() ? "" : "  ") << what << '\n';
    };
    line("dense", p.dense, p.dense, "");
    std::string layers;
    for (const std::size_t l : p.reduced_layers) layers += detail::sentence(' ', l);
    std::string drops;
    for (const std::size_t d : p.tokens.drops) drops += detail::sentence(' ', d);
    line("tokens", p.dense, p.after_tokens,
         drops.empty() ? "all stay" : p.selector + ", leaving per layer:" + drops);
    line("visual computation", p.after_tokens, p.after_visual,
         layers.empty()
             ? "whole"
             : detail::sentence(p.ffn.label(), " and ", p.attention.label(), " in layers", layers));
    line("weights", p.after_visual, p.after_weights,
         p.weights.layers.empty() ? "dense"
                                  : detail::sentence(p.weights.recipe, ", sparsity ",
                                                     std::round(1e4 * p.weights.sparsity()) / 1e4));
    out.flags(flags);
    out.precision(precision);
    return out;
  }
};

/// How a budget is split: the parts' shares of the logarithm of what is to be saved, so that each
/// part leaves the fraction budget^(share / sum of shares). A part of share 0 is left alone.
struct budget_split {
  double tokens = 1, visual = 1, weights = 1;
};

}  // namespace tamp::inline TAMP_FLAGS::compute

namespace tamp::inline TAMP_FLAGS::detail {

/// What each layer costs on a prompt whose visual tokens leave by a schedule.
class prompt_cost {
 public:
  prompt_cost(const compute::block_shape& shape, std::size_t layers,
              std::span<const token::modality> prompt)
      : shape_(shape), layers_(layers) {
    check_list("plan_compute", "tokens", prompt);
    // Whatever the plan will be, it costs no more: no count below wraps, and no loop is endless.
    shape.product(shape.sum(shape.block(prompt.size()), 1), layers);
    if (layers >= largest_array / sizeof(std::size_t))
      raise<value_error>("plan_compute: there cannot be ", layers, " layers");
    prompt_.assign(prompt.begin(), prompt.end());
    for (const token::modality kind : prompt_) visual_ += kind != token::modality::text;
  }

  std::size_t visual() const noexcept { return visual_; }

  struct parts {
    std::uint64_t linear = 0, pairs = 0;
    std::uint64_t sum() const noexcept { return linear + pairs; }
  };

  /// With the visual computation of `reduced` layers.
  parts operator()(const token::schedule& tokens, std::span<const std::size_t> reduced,
                   const compute::dynamic_ffn& ffn,
                   const compute::hollow_attention& attention) const {
    parts sum;
    std::vector<token::modality> here = prompt_;
    std::size_t visual = visual_;
    for (std::size_t l = 0; l < layers_; ++l) {
      const bool less = std::binary_search(reduced.begin(), reduced.end(), l);
      const std::uint64_t n = here.size(), text = n - visual;
      sum.linear += shape_.projections(n);
      // Both halves of the square, as everywhere here; the diagonal, as far as it is allowed, once.
      const std::uint64_t diagonal = attention.window == 0 ? text : n;
      sum.pairs +=
          less ? shape_.pairs(2 * attention.products(here) - diagonal) : shape_.attention(n);
      if (l < tokens.drops.size()) drop(here, visual, tokens.drops[l]);
      sum.linear += shape_.output(text + visual) + shape_.feed_forward(text);
      const std::uint64_t whole = less ? ffn.probe(visual).size() : visual;  // all channels
      sum.linear += shape_.feed_forward(whole);
      if (less) sum.linear += shape_.channels(visual - whole, ffn.kept(shape_.ffn));
    }
    return sum;
  }

 private:
  static void drop(std::vector<token::modality>& kinds, std::size_t& visual, std::size_t count) {
    count = (std::min)(count, visual);
    visual -= count;
    std::erase_if(kinds, [&](token::modality kind) {
      return kind != token::modality::text && count != 0 && count-- != 0;
    });
  }

  compute::block_shape shape_;
  std::size_t layers_, visual_ = 0;
  std::vector<token::modality> prompt_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::compute {

/// Splits one multiply-add budget between tokens, visual computation and weights.
///
///     compute_plan p;
///     p.selector = "fitprune";
///     p = plan_compute(shape, layers, kinds, 0.4, p,
///                      [&](double fraction) { return fit_at(fraction); },          // a schedule
///                      ranking,                                       // compute::layer_ranking
///                      [&](double sparsity) { return plan_at(sparsity); });    // a pruning_plan
///
/// In this order: `tokens_for(f)` gives the schedule that leaves the fraction f of the
/// multiply-adds of the visual tokens among themselves; the largest f (to 1/64) is taken that meets
/// the tokens' part of the budget. Then layers spend less on the visual tokens that stay, in the
/// order of `ranking`, until that part is met. Weights save what is left to save, in the linear
/// layers: `weights_for(sparsity)` is asked for a plan of that sparsity. What a part cannot save
/// falls to those after it.
///
/// `settings` says selector, dynamic_ffn and hollow_attention; all else in it is replaced. `prompt`
/// has the kinds of the tokens of a typical prompt.
///
/// @throws value_error if budget or shares are out of range, the ranking names a layer twice or one
///         that is none, a count of multiply-adds does not fit into 64 bits, or the budget cannot
///         be met, naming what can
template <class TokensFor, class WeightsFor>
compute_plan plan_compute(const block_shape& shape, std::size_t layers,
                          std::span<const token::modality> prompt, double budget,
                          const compute_plan& settings, TokensFor&& tokens_for,
                          std::span<const std::size_t> ranking, WeightsFor&& weights_for,
                          const budget_split& split = {}) {
  if (!(detail::is_positive(budget) && budget <= 1))
    detail::raise<value_error>("plan_compute: the budget lies in (0, 1], and is ", budget);
  const double shares = split.tokens + split.visual + split.weights;
  if (!(detail::is_nonnegative(split.tokens) && detail::is_nonnegative(split.visual) &&
        detail::is_nonnegative(split.weights) && detail::is_positive(shares)))
    detail::raise<value_error>("plan_compute: the shares are ", split.tokens, ", ", split.visual,
                               " and ", split.weights, "; none is negative, and one is not 0");
  compute_plan plan = settings;
  plan.budget = budget;
  plan.tokens = {};
  plan.reduced_layers.clear();
  plan.weights = {};
  const detail::prompt_cost cost(shape, layers, prompt);
  const auto now = [&] { return cost(plan.tokens, plan.reduced_layers, plan.ffn, plan.attention); };
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
  if (split.visual > 0)
    for (const std::size_t layer : ranking) {
      if (layer >= layers)
        detail::raise<value_error>("plan_compute: the ranking names layer ", layer, ", there are ",
                                   layers);
      auto& reduced = plan.reduced_layers;
      const auto place = std::lower_bound(reduced.begin(), reduced.end(), layer);
      if (place != reduced.end() && *place == layer)
        detail::raise<value_error>("plan_compute: the ranking names layer ", layer, " twice");
      if (meets(split.tokens + split.visual)) break;
      reduced.insert(place, layer);
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
  plan.after_weights =
      left.pairs + static_cast<std::uint64_t>(std::llround(static_cast<double>(left.linear) *
                                                           (1 - plan.weights.sparsity())));
  return plan;
}

}  // namespace tamp::inline TAMP_FLAGS::compute
