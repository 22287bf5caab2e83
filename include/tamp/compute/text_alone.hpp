#pragma once

/// @file
/// Heads and layers of a model that process the text alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../error.hpp"
#include "head_activity.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// Heads that see the text alone, and layers that leave visual tokens as they are: YOPO's dropped
/// heads and layers, as part of a compute_plan.
///
/// The attention of a blind head costs that of the text (text_attention); its projections are
/// computed as before. A skipped layer costs what the text costs, all of it.
///
/// Source: Zhang et al. 2024, YOPO (arXiv 2410.06169).
/// @see head_activity and least_active_heads, which find the heads
struct text_alone {
  std::size_t heads = 0;                    ///< query heads of a layer; 0 if none is blind
  std::vector<layer_head> blind_heads;      ///< ascending by layer, then head
  std::vector<std::size_t> skipped_layers;  ///< ascending

  bool empty() const noexcept { return blind_heads.empty() && skipped_layers.empty(); }
  bool skips(std::size_t layer) const {
    return std::binary_search(skipped_layers.begin(), skipped_layers.end(), layer);
  }
  /// The number of blind heads of a layer.
  std::size_t blind_in(std::size_t layer) const {
    return static_cast<std::size_t>(
        std::count_if(blind_heads.begin(), blind_heads.end(),
                      [&](const layer_head& h) { return h.layer == layer; }));
  }
  /// Says what is done, "3 blind heads, layers 4 5 skipped"; nothing if nothing is.
  std::string label() const {
    std::string text;
    if (!blind_heads.empty())
      text =
          detail::sentence(blind_heads.size(), " blind head", blind_heads.size() == 1 ? "" : "s");
    if (!skipped_layers.empty()) {
      text += text.empty() ? "layers" : ", layers";
      for (const std::size_t layer : skipped_layers) text += detail::sentence(' ', layer);
      text += " skipped";
    }
    return text;
  }

  friend bool operator==(const text_alone&, const text_alone&) = default;
};

/// Checks heads and layers against a model.
/// @throws value_error if they do not ascend, or a layer or head is not there
inline void validate(const text_alone& alone, std::size_t layers) {
  const auto& blind = alone.blind_heads;
  for (std::size_t k = 0; k < blind.size(); ++k) {
    if (blind[k].layer >= layers || blind[k].head >= alone.heads)
      detail::raise<value_error>("text_alone: there is no head ", blind[k].head, " in layer ",
                                 blind[k].layer, " of ", layers, " layers with ", alone.heads,
                                 " heads");
    if (k != 0 && (blind[k].layer < blind[k - 1].layer ||
                   (blind[k].layer == blind[k - 1].layer && blind[k].head <= blind[k - 1].head)))
      detail::raise<value_error>("text_alone: blind heads ascend by layer and head, and head ",
                                 blind[k].head, " of layer ", blind[k].layer, " is in place ", k);
  }
  const auto& skipped = alone.skipped_layers;
  for (std::size_t k = 0; k < skipped.size(); ++k)
    if (skipped[k] >= layers || (k != 0 && skipped[k] <= skipped[k - 1]))
      detail::raise<value_error>("text_alone: layer ", skipped[k], " cannot be skipped in place ",
                                 k, ": skipped layers ascend, and are below ", layers);
}

}  // namespace tamp::inline TAMP_FLAGS::compute
