#pragma once

/// @file
/// The fit of a FitPrune schedule to a budget, from attention alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/sequential.hpp"
#include "../model/block_shape.hpp"
#include "fitprune.hpp"
#include "relative_schedule.hpp"
#include "schedule.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Finds the schedule of token::fitprune for a model and a budget, without labels or training.
///
///     fitprune_fit fit{.budget = 0.4, .shape = block_shape::plain(4096, 11008)};
///     const auto found = fit(recording, recording.visual_tokens(), recording.layers());
///     // found.schedule: the fraction of the visual tokens that leaves in each layer
///     // found.schedule.for_tokens(576): as many tokens of an image of 576
///
/// `attention(sample, layer, left)` returns the attention that the visual tokens `left` (original
/// numbers, ascending) receive in a layer which exactly these enter. A recording of the whole model
/// (token::attention_recording) is the fast form. A host that runs the layer on the remaining
/// tokens is the published form. For each alpha it is called layer by layer with ever fewer tokens,
/// starting with layer 0.
///
/// For one alpha, layer by layer: if keeping the remaining tokens to the end meets the budget,
/// stop. Otherwise drop the tokens that both statistics can spare. Each statistic may lose the
/// fraction alpha of its sum in the whole model, including the losses of earlier layers. The budget
/// is that of all samples together, and is looked at after the last layer, too. A binary search
/// finds the smallest alpha, to `resolution`, that meets it.
///
///     f(l) = mean over the samples of dropped(sample, l) / visual(sample)
///
/// The schedule says these fractions f, as the authors advise for images of different numbers of
/// tokens. `rounding` makes whole tokens of them:
/// - down, as published: floor(visual * f(l)) in each layer. With samples of one size it is the
///   floor of the mean. It usually costs more than the budget.
/// - up: at least the fractions have left after each layer. With samples of one size it costs at
///   most the budget. With several, it may cost one of the sizes more than all together. Then all
///   fractions grow by the smallest factor (to 2^-40 of its range) for which no size costs more.
///
/// The result is judged on what it costs: `cost` is that of the sample that it costs most, and
/// `met` compares it with the budget.
///
/// The budget is a fraction of the multiply-adds of the visual tokens alone, or, if `text` is not
/// zero, of the visual tokens and `text` others.
///
/// Edges: samples without visual tokens are ignored. A token that receives no attention can be
/// spared at any alpha. So attention that is zero everywhere lets all tokens leave in layer 0. A
/// budget that cannot be met even if all tokens are dropped (below the cost of the first
/// projections and attention) gives the schedule of alpha = 1, and `met` is false. Sums are in
/// double and in the order of the samples, so that the result does not depend on the executor.
///
/// Source: Ye et al. 2024, FitPrune (arXiv 2409.10197), algorithm 1. Code: ywh187/FitPrune at
/// d28e418c9209, llava/eval/statistical_analysis.py. It looks at the budget before each layer and
/// not after the last one. Where only the drops of the last layer meet the budget, it finds a
/// larger alpha.
struct fitprune_fit {
  double budget = 0.5;
  block_shape shape;
  double resolution = 0.01;
  std::size_t text = 0;  ///< number of other tokens that the budget includes
  token::rounding rounding = token::rounding::down;

  struct result {
    relative_schedule schedule;
    double alpha = 1;  ///< fraction of its attention that a layer may lose
    double cost = 1;   ///< fraction that the schedule leaves of the sample that it costs most
    double cost_before_rounding = 1;  ///< fraction that the fit left of all samples
    bool met = false;                 ///< cost <= budget

    friend bool operator==(const result&, const result&) = default;
  };

  /// Finds the schedule. With an executor as the first argument, `attention` is called for several
  /// samples at a time.
  /// @throws value_error if the budget is not in (0, 1], the resolution is not positive, there is
  ///         no layer or no sample with visual tokens, or a count of multiply-adds does not fit into
  ///         64 bits
  /// @throws shape_error if `attention` answers for another number of tokens, or memory cannot hold
  ///         the tokens
  template <executor E, class Attention>
  result operator()(const E& exec, Attention&& attention,
                    std::span<const std::size_t> visual_tokens, std::size_t layers) const {
    const detail::ieee_arithmetic as_usual;
    check_parameters(visual_tokens.size(), layers);
    detail::check_list("fitprune_fit", "numbers of visual tokens", visual_tokens);
    search<E, Attention> s{*this, exec, attention, visual_tokens, layers, {}, 0, 0};
    s.look_at_whole();
    fitted best = s.at(1.0);
    double low = 0, high = 1;
    while (high - low > resolution) {
      const double alpha = (low + high) / 2;
      if (alpha == low || alpha == high) break;  // finer than a double
      if (fitted f = s.at(alpha); f.reached) {
        best = std::move(f);
        high = alpha;
      } else {
        low = alpha;
      }
    }
    return rounded(std::move(best), visual_tokens);
  }
  template <class Attention>
  result operator()(Attention&& attention, std::span<const std::size_t> visual_tokens,
                    std::size_t layers) const {
    return (*this)(execute::sequential{}, attention, visual_tokens, layers);
  }

 private:
  using tokens = std::vector<std::size_t>;

  // The fractions that leave at one alpha, before they are rounded to whole tokens.
  struct fitted {
    std::vector<double> fractions;
    double alpha = 1, cost = 1;
    bool reached = false;
  };

  void check_parameters(std::size_t samples, std::size_t layers) const {
    if (!(detail::is_positive(budget) && budget <= 1))
      detail::raise<value_error>("fitprune_fit: the budget lies in (0, 1], and is ", budget);
    if (!detail::is_positive(resolution))
      detail::raise<value_error>("fitprune_fit: the resolution is a finite number above 0, not ",
                                 resolution);
    if (samples == 0 || layers == 0)
      detail::raise<value_error>("fitprune_fit: there are ", samples, " samples of ", layers,
                                 " layers");
  }

  /// Returns the fraction that a schedule leaves of the size of sample that it costs most.
  double highest_cost(const relative_schedule& s, const tokens& sizes) const {
    double highest = 0;
    for (const std::size_t visual : sizes)
      highest = (std::max)(highest, s.cost(shape, visual, text));
    return highest;
  }

  /// Returns the schedule of which `factor` times as much has left after each layer.
  static relative_schedule grown(const relative_schedule& s, double factor) {
    relative_schedule more = s;
    double sum = 0, before = 0;
    for (double& drop : more.drops) {
      sum += drop;
      const double now = (std::min)(1.0, sum * factor);
      drop = now - before;
      before = now;
    }
    return more;
  }

  result rounded(fitted best, std::span<const std::size_t> visual_tokens) const {
    tokens sizes(visual_tokens.begin(), visual_tokens.end());
    std::sort(sizes.begin(), sizes.end());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    if (sizes.front() == 0) sizes.erase(sizes.begin());
    relative_schedule schedule{std::move(best.fractions), departure::after_attention, rounding};
    const auto meets = [&](const relative_schedule& s) { return highest_cost(s, sizes) <= budget; };
    const auto first = std::find_if(schedule.drops.begin(), schedule.drops.end(),
                                    [](double fraction) { return fraction > 0; });
    if (rounding == token::rounding::up && best.reached && first != schedule.drops.end() &&
        !meets(schedule)) {
      double low = 1, high = 1 / *first;  // with which all leave in the first layer that drops
      if (meets(grown(schedule, high))) {
        for (int step = 0; step < 40; ++step) {
          const double factor = (low + high) / 2;
          (meets(grown(schedule, factor)) ? high : low) = factor;
        }
        schedule = grown(schedule, high);
      }
    }
    const double cost = highest_cost(schedule, sizes);
    return {std::move(schedule), best.alpha, cost, best.cost, cost <= budget};
  }

  /// Returns the places, ascending, of the smallest numbers whose removal leaves a sum of at least
  /// `must_stay`.
  static tokens spare(const std::vector<double>& numbers, double must_stay) {
    tokens order(numbers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return numbers[a] < numbers[b] || (numbers[a] == numbers[b] && a < b);
    });
    double total = 0;
    for (const std::size_t k : order) total += numbers[k];
    const double loss = total - must_stay;
    double removed = 0;
    std::size_t count = 0;
    while (count < order.size() && removed + numbers[order[count]] <= loss)
      removed += numbers[order[count++]];
    order.resize(count);
    std::sort(order.begin(), order.end());
    return order;
  }

  template <class E, class Attention>
  struct search {
    const fitprune_fit& fit;
    const E& exec;
    Attention& attention;
    std::span<const std::size_t> visual_tokens;
    std::size_t layers;
    std::vector<std::pair<double, double>> whole_sums;  // (samples, layers): of cross and self
    std::uint64_t whole_cost;
    std::size_t samples;  // that have visual tokens

    std::vector<tokens> everything() const {
      std::vector<tokens> all;
      for (const std::size_t count : visual_tokens) {
        all.push_back(detail::checked_array<std::size_t>("fitprune_fit", count));
        std::iota(all.back().begin(), all.back().end(), std::size_t{0});
      }
      return all;
    }

    template <class Body>
    void for_each_sample(const Body& body) const {
      detail::for_each_range(exec, visual_tokens.size(), [&](std::size_t begin, std::size_t end) {
        for (std::size_t s = begin; s < end; ++s)
          if (visual_tokens[s] != 0) body(s);
      });
    }

    received_attention ask(std::size_t sample, std::size_t layer, const tokens& left) const {
      received_attention answer = attention(sample, layer, std::span<const std::size_t>(left));
      if (answer.cross.size() != left.size() || answer.self.size() != left.size())
        detail::raise<shape_error>("fitprune_fit: in layer ", layer, " of sample ", sample,
                                   " the attention covers ", answer.cross.size(), " and ",
                                   answer.self.size(), " tokens instead of ", left.size());
      for (const auto* numbers : {&answer.cross, &answer.self})
        for (const double a : *numbers)
          if (!detail::is_nonnegative(a))
            detail::raise<value_error>("fitprune_fit: an attention in layer ", layer, " of sample ",
                                       sample, " is ", a);
      return answer;
    }

    void look_at_whole() {
      whole_cost = 0;
      for (const std::size_t count : visual_tokens) {
        if (count == 0) continue;
        ++samples;
        whole_cost = fit.shape.sum(
            whole_cost, fit.shape.product(fit.shape.block(detail::checked_sum<value_error>(
                                              "fitprune_fit", count, fit.text)),
                                          layers));
      }
      if (samples == 0)
        detail::raise<value_error>("fitprune_fit: none of ", visual_tokens.size(),
                                   " samples has a visual token");
      const std::vector<tokens> all = everything();
      whole_sums = detail::checked_array<std::pair<double, double>>(
          "fitprune_fit", detail::checked_product("fitprune_fit", all.size(), layers));
      for (std::size_t l = 0; l < layers; ++l)
        for_each_sample([&](std::size_t s) {
          const received_attention seen = ask(s, l, all[s]);
          whole_sums[s * layers + l] = {std::accumulate(seen.cross.begin(), seen.cross.end(), 0.0),
                                        std::accumulate(seen.self.begin(), seen.self.end(), 0.0)};
        });
    }

    fitted at(double alpha) const {
      fitted f{std::vector<double>(layers), alpha, 1, false};
      std::vector<tokens> left = everything();
      std::vector<std::size_t> gone(left.size());
      std::uint64_t spent = 0;
      const auto whole = static_cast<double>(whole_cost);
      const auto affordable = [&](std::uint64_t cost) {
        f.cost = whole == 0 ? 1.0 : static_cast<double>(cost) / whole;
        return static_cast<double>(cost) <= fit.budget * whole;
      };
      const auto counted = [&](const tokens& t) { return t.size() + fit.text; };
      for (std::size_t l = 0; l < layers; ++l) {
        std::uint64_t rest = 0;
        for (std::size_t s = 0; s < left.size(); ++s) {
          if (visual_tokens[s] == 0) continue;
          const tokens& t = left[s];
          spent += fit.shape.projections(counted(t)) + fit.shape.attention(counted(t));
          rest += behind_attention(t) + (layers - 1 - l) * fit.shape.block(counted(t));
        }
        if ((f.reached = affordable(spent + rest))) return divided(std::move(f));
        for_each_sample([&](std::size_t s) {
          const tokens both = spared(alpha, s, l, left[s]);
          gone[s] = both.size();
          tokens stay;
          for (std::size_t k = 0, g = 0; k < left[s].size(); ++k)
            if (g < both.size() && both[g] == k)
              ++g;
            else
              stay.push_back(left[s][k]);
          left[s] = std::move(stay);
        });
        for (std::size_t s = 0; s < left.size(); ++s) {
          if (visual_tokens[s] == 0) continue;
          f.fractions[l] += static_cast<double>(gone[s]) / static_cast<double>(visual_tokens[s]);
          spent += behind_attention(left[s]);
        }
      }
      f.reached = affordable(spent);
      return divided(std::move(f));
    }

    fitted divided(fitted f) const {
      for (double& fraction : f.fractions) fraction /= static_cast<double>(samples);
      return f;
    }

    std::uint64_t behind_attention(const tokens& t) const {
      return fit.shape.output(t.size() + fit.text) + fit.shape.feed_forward(t.size() + fit.text);
    }

    // Returns the places in `left` that both statistics can spare.
    tokens spared(double alpha, std::size_t sample, std::size_t layer, const tokens& left) const {
      const received_attention now = ask(sample, layer, left);
      const auto& [cross, self] = whole_sums[sample * layers + layer];
      const tokens a = spare(now.cross, (1 - alpha) * cross);
      const tokens b = spare(now.self, (1 - alpha) * self);
      tokens both;
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
      return both;
    }
  };
};

}  // namespace tamp::inline TAMP_FLAGS::token
