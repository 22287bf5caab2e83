#pragma once

/// @file
/// A plan of reduced computation, over weights, tokens and visual computation.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <ostream>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../prune/pruning_plan.hpp"
#include "../token/schedule.hpp"
#include "dynamic_ffn.hpp"
#include "hollow_attention.hpp"
#include "text_alone.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// The computation that an engine saves, and the contribution of each part.
///
/// A value: printable, comparable, saved as JSON (tamp/io/compute_plan.hpp). Multiply-adds are
/// those of all decoder blocks on one prompt. Attention counts the full square.
struct compute_plan {
  double budget = 1;  ///< requested fraction of the dense multiply-adds

  std::string selector;    ///< label of the policy that chooses the visual tokens that leave
  token::schedule tokens;  ///< number of visual tokens that leave in each layer, and where

  std::vector<std::size_t> reduced_layers;  ///< layers that spend less on visual tokens, ascending
  dynamic_ffn ffn;                          ///< reduced feed-forward part of those layers
  hollow_attention attention;
  text_alone alone;  ///< heads and layers that process the text alone

  pruning_plan weights;  ///< sparsity of each linear layer

  std::uint64_t dense = 0;          ///< multiply-adds of the dense model
  std::uint64_t after_tokens = 0;   ///< after the tokens have left
  std::uint64_t after_visual = 0;   ///< also with reduced visual computation
  std::uint64_t after_weights = 0;  ///< also with pruned weights, if kernels skip zeros

  /// The fraction of the dense multiply-adds that remains.
  double cost() const {
    return dense == 0 ? 1.0 : static_cast<double>(after_weights) / static_cast<double>(dense);
  }

  friend bool operator==(const compute_plan&, const compute_plan&) = default;

  /// Prints the contribution of each part, one line for each.
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
    if (!drops.empty() && p.tokens.leave != token::departure::after_attention)
      drops += detail::sentence(' ', name_of(p.tokens.leave));
    line("tokens", p.dense, p.after_tokens,
         drops.empty() ? "all stay" : p.selector + ", leaving per layer:" + drops);
    std::string visual = p.alone.label();
    if (!layers.empty())
      visual += detail::sentence(visual.empty() ? "" : ", ", p.ffn.label(), " and ",
                                 p.attention.label(), " in layers", layers);
    line("visual computation", p.after_tokens, p.after_visual, visual.empty() ? "whole" : visual);
    line("weights", p.after_visual, p.after_weights,
         p.weights.layers.empty() ? "dense"
                                  : detail::sentence(p.weights.recipe, ", sparsity ",
                                                     std::round(1e4 * p.weights.sparsity()) / 1e4));
    out.flags(flags);
    out.precision(precision);
    return out;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::compute
