#pragma once

/// @file
/// The number of visual tokens that SparseVLM keeps in each layer, as published.

#include <algorithm>
#include <array>
#include <cstddef>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "schedule.hpp"
#include "sparsevlm_recycling.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Makes the published schedule of SparseVLM: tokens leave behind layers 2, 6 and 15, the first
/// layer being 0, chosen by the attention of these layers.
///
///     in each of the three, of v visual tokens the min(kept, v - 1) of the largest scores stay,
///     and with recycling sparsevlm_recycling::published_clusters(v - kept) more
///
///     tokens   kept, version 1   kept, version 2
///       192    300, 200, 110     300, 200, 118
///       128    303, 110,  36     238, 108,  60
///        96    238,  48,  26     246,  54,  28
///        64     66,  30,  17      66,  34,  20
///
/// `tokens` is the published name of the row: the mean over the layers of a model of 32 layers that
/// sees 576 visual tokens. Version 1 recycles, version 2 (SparseVLM+) does not. The counts do not
/// depend on the number of visual tokens. A sequence of fewer loses one token in a layer, or with
/// recycling none.
///
/// The rating of version 2, which weighs heads and corrects for positions, is not in token::sparsevlm.
/// Source: Gumpest/SparseVLMs, the published code of Zhang et al. 2024 (arXiv 2410.04417).
struct sparsevlm_schedule {
  std::size_t tokens = 192;  ///< 192, 128, 96 or 64
  int version = 1;           ///< 1, to be used with token::sparsevlm_recycling, or 2

  static constexpr std::array<std::size_t, 3> layers_of_drops{2, 6, 15};

  /// Returns the number of tokens that are kept by their scores in each of the three layers.
  /// @throws value_error if nothing is published for the number of tokens or the version
  constexpr std::array<std::size_t, 3> kept() const {
    using counts = std::array<std::size_t, 3>;
    if (version != 1 && version != 2)
      detail::raise<value_error>("sparsevlm_schedule: there is no version ", version);
    const bool first = version == 1;
    switch (tokens) {
      case 192:
        return first ? counts{300, 200, 110} : counts{300, 200, 118};
      case 128:
        return first ? counts{303, 110, 36} : counts{238, 108, 60};
      case 96:
        return first ? counts{238, 48, 26} : counts{246, 54, 28};
      case 64:
        return first ? counts{66, 30, 17} : counts{66, 34, 20};
      default:
        detail::raise<value_error>(
            "sparsevlm_schedule: counts are published for 192, 128, 96 and "
            "64 tokens, not for ",
            tokens);
    }
  }

  /// Returns the number of new tokens that recycling makes in each of the three layers, for
  /// sparsevlm_recycling::clusters. A count alone does not always say it: of 196 tokens, 71 that
  /// stay are 66 and 5 new ones, as published for 64, but also 67 and 4.
  /// @throws value_error as kept() does
  constexpr std::array<std::size_t, 3> clusters(std::size_t visual) const {
    std::array<std::size_t, 3> made = kept();
    for (std::size_t& count : made) {
      const std::size_t by_score = visual == 0 ? 0 : (std::min)(count, visual - 1);
      count = version == 1 ? sparsevlm_recycling::published_clusters(visual - by_score) : 0;
      visual = by_score + count;
    }
    return made;
  }

  /// @throws value_error as kept() does, or if there are fewer than 16 layers
  /// @throws shape_error if memory cannot hold the layers
  schedule operator()(std::size_t layers, std::size_t visual) const {
    const std::array<std::size_t, 3> counts = kept(), made = clusters(visual);
    if (layers <= layers_of_drops.back())
      detail::raise<value_error>("sparsevlm_schedule: of ", layers, " layers none is layer ",
                                 layers_of_drops.back());
    schedule s{detail::checked_array<std::size_t>("sparsevlm_schedule", layers),
               departure::after_layer};
    for (std::size_t k = 0; k < counts.size() && visual != 0; ++k) {
      const std::size_t stay = (std::min)(counts[k], visual - 1) + made[k];
      s.drops[layers_of_drops[k]] = visual - stay;
      visual = stay;
    }
    return s;
  }

  friend bool operator==(const sparsevlm_schedule&, const sparsevlm_schedule&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
