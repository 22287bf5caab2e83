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
#include "../text_alone.hpp"

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

  /// Counts with the visual computation of the layers in `reduced`, and with the heads and layers
  /// that process the text alone. A layer that is skipped is not reduced.
  /// @throws value_error if the heads do not share the queries evenly
  parts operator()(const token::schedule& tokens, std::span<const std::size_t> reduced,
                   const compute::dynamic_ffn& ffn, const compute::hollow_attention& attention,
                   const compute::text_alone& alone = {}) const {
    if (!alone.blind_heads.empty() && (alone.heads == 0 || shape_.queries % alone.heads != 0))
      raise<value_error>("plan_compute: queries ", shape_.queries, " wide cannot be those of ",
                         alone.heads, " heads");
    parts sum;
    std::vector<modality> here = prompt_;
    std::size_t visual = visual_;
    for (std::size_t l = 0; l < layers_; ++l) {
      const bool skips = alone.skips(l);
      const bool less = !skips && std::binary_search(reduced.begin(), reduced.end(), l);
      const auto leave_at = [&](token::departure place) {
        if (place == tokens.leave && l < tokens.drops.size()) drop(here, visual, tokens.drops[l]);
      };
      leave_at(token::departure::before_layer);
      const std::uint64_t n = here.size(), text = n - visual;
      sum.linear += shape_.projections(skips ? text : n);
      // Both halves of the square count, as elsewhere; the allowed part of the diagonal counts
      // once.
      const std::uint64_t diagonal = attention.window == 0 ? text : n;
      const std::uint64_t of_all =
          less ? shape_.pairs(2 * attention.products(here) - diagonal) : shape_.attention(n);
      const std::uint64_t of_text = shape_.attention(text), blind = alone.blind_in(l);
      // Every head has the same share of either count.
      sum.pairs += skips        ? of_text
                   : blind == 0 ? of_all
                                : of_all / alone.heads * (alone.heads - blind) +
                                      of_text / alone.heads * blind;
      leave_at(token::departure::after_attention);
      const std::uint64_t processed = skips ? 0 : visual;
      sum.linear += shape_.output(text + processed) + shape_.feed_forward(text);
      sum.linear += less ? reduced_feed_forward(visual, ffn) : shape_.feed_forward(processed);
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
