#pragma once

/// @file
/// The scores of the weights of a unit's layers.

#include <cstddef>
#include <span>
#include <string_view>

#include "../../execute/executor.hpp"
#include "../../score/detail/column_statistics.hpp"
#include "../../score/detail/scored_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Calls use(layer, scored_rows) for each layer of a unit, with the scores of a policy that reads
/// one number for each column, or none. Calls on_unseen(layer) in its place if the policy needs a
/// statistic and the layer saw no token.
/// @throws shape_error, value_error if the numbers do not fit the layer's columns or cannot be used
template <executor E, class Units, class Score, class OnUnseen, class Use>
void for_each_scored_layer(const E& exec, std::string_view policy, const Units& units,
                           std::size_t unit, const Score& score, const OnUnseen& on_unseen,
                           const Use& use) {
  static_assert(!repairing_score<Score>,
                "this allocation compares scores of the weights as they "
                "are: give it a score that repairs none");
  units.visit(unit, [&](std::string_view layer, const auto& weight, const auto& statistic) {
    const auto use_scored = [&](std::span<const float> values) {
      const auto& bound = bind_score(exec, weight, score, values);
      use(layer, scored_rows(weight, bound, values));
    };
    if constexpr (needs_statistic<Score>) {
      if constexpr (requires { statistic.tokens(); })
        if (statistic.tokens() == 0) return on_unseen(layer);
      const auto& values = column_values(statistic);
      check_statistics(values, static_cast<std::size_t>(weight.cols()), policy, layer);
      use_scored(values);
    } else {
      use_scored({});
    }
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
