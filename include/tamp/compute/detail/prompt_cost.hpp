#pragma once

/// @file
/// Multiply-adds of a prompt whose visual tokens leave by a schedule.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../error.hpp"
#include "../../model/block_shape.hpp"
#include "../../model/modality.hpp"
#include "../../token/schedule.hpp"
#include "../dynamic_ffn.hpp"
#include "../hollow_attention.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Counts the multiply-adds of a prompt whose visual tokens leave by a schedule.
class prompt_cost {
 public:
  prompt_cost(const block_shape& shape, std::size_t layers, std::span<const modality> prompt)
      : shape_(shape), layers_(layers) {
    check_list("plan_compute", "tokens", prompt);
    // No plan costs more, so that no count below wraps and no loop is endless.
    shape.product(shape.sum(shape.block(prompt.size()), 1), layers);
    if (layers >= largest_array / sizeof(std::size_t))
      raise<value_error>("plan_compute: there cannot be ", layers, " layers");
    prompt_.assign(prompt.begin(), prompt.end());
    for (const modality kind : prompt_) visual_ += kind != modality::text;
  }

  std::size_t visual() const noexcept { return visual_; }

  struct parts {
    std::uint64_t linear = 0, pairs = 0;
    std::uint64_t sum() const noexcept { return linear + pairs; }
  };

  /// Counts with the visual computation of the layers in `reduced`.
  parts operator()(const token::schedule& tokens, std::span<const std::size_t> reduced,
                   const compute::dynamic_ffn& ffn,
                   const compute::hollow_attention& attention) const {
    parts sum;
    std::vector<modality> here = prompt_;
    std::size_t visual = visual_;
    for (std::size_t l = 0; l < layers_; ++l) {
      const bool less = std::binary_search(reduced.begin(), reduced.end(), l);
      const auto leave_at = [&](token::departure place) {
        if (place == tokens.leave && l < tokens.drops.size()) drop(here, visual, tokens.drops[l]);
      };
      leave_at(token::departure::before_layer);
      const std::uint64_t n = here.size(), text = n - visual;
      sum.linear += shape_.projections(n);
      // Both halves of the square count, as elsewhere; the allowed part of the diagonal counts
      // once.
      const std::uint64_t diagonal = attention.window == 0 ? text : n;
      sum.pairs +=
          less ? shape_.pairs(2 * attention.products(here) - diagonal) : shape_.attention(n);
      leave_at(token::departure::after_attention);
      sum.linear += shape_.output(text + visual) + shape_.feed_forward(text);
      sum.linear += less ? reduced_feed_forward(visual, ffn) : shape_.feed_forward(visual);
      leave_at(token::departure::after_layer);
    }
    return sum;
  }

 private:
  /// The feed-forward part of visual tokens of which a probe chooses the channels. Where that costs
  /// more than all channels, all are computed.
  std::uint64_t reduced_feed_forward(std::size_t visual, const compute::dynamic_ffn& ffn) const {
    const std::size_t probe = ffn.probe(visual).size(), kept = ffn.kept(shape_.ffn);
    if (ffn.whole_probe) return shape_.feed_forward(probe) + shape_.channels(visual - probe, kept);
    block_shape without_down = shape_;
    without_down.ffn_layers -= (std::min)(shape_.ffn_layers, std::uint64_t{1});
    const std::uint64_t less = without_down.feed_forward(probe) + shape_.channels(visual, kept);
    return (std::min)(less, shape_.feed_forward(visual));
  }

  static void drop(std::vector<modality>& kinds, std::size_t& visual, std::size_t count) {
    count = (std::min)(count, visual);
    visual -= count;
    std::erase_if(
        kinds, [&](modality kind) { return kind != modality::text && count != 0 && count-- != 0; });
  }

  block_shape shape_;
  std::size_t layers_, visual_ = 0;
  std::vector<modality> prompt_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
