#pragma once

/// @file
/// The gates that a softmax router gives to experts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// Returns the gate of each token to each expert, (tokens, experts), row-major.
///
///     p(t, e) = exp(logit(t, e)) / sum over all experts of exp(logit(t, .))
///     gate    = p, or if renormalised  max(p / sum over the token's selected experts of p, 2^-23)
///
/// The differences to the largest logit are taken in the type of the logits (float for 16 bits), all
/// else in double. `selected` is (tokens, k), the experts that each token is sent to. A router that is no softmax
/// gives its own gates to stat::expert_contribution, and needs none of this.
///
/// Source: the softmax over all experts and the lower bound of CerebrasResearch/reap.
/// @throws shape_error if `selected` is not of whole rows, or an expert is not there
/// @throws value_error if a logit is not finite
template <tensor_argument Logits>
std::vector<double> router_gates(const Logits& logits, std::span<const std::int64_t> selected,
                                 bool renormalise) {
  const tamp::detail::ieee_arithmetic as_usual;
  constexpr std::string_view who = "router_gates";
  constexpr double least = 0x1p-23;
  tamp::detail::check_list(who, "selected experts", selected);
  return tamp::detail::with_source(logits, [&](const auto& z) {
    const auto tokens = static_cast<std::size_t>(z.rows());
    const auto experts = static_cast<std::size_t>(z.cols());
    if (tokens == 0 ? !selected.empty() : selected.size() % tokens != 0)
      tamp::detail::raise<shape_error>(who, ": ", selected.size(), " selected experts for ", tokens,
                                       " tokens");
    const std::size_t k = tokens == 0 ? 0 : selected.size() / tokens;
    for (const std::int64_t e : selected)
      if (e < 0 || static_cast<std::size_t>(e) >= experts)
        tamp::detail::raise<shape_error>(who, ": expert ", e, " is selected, and there are ",
                                         experts);
    auto gates = tamp::detail::checked_array<double>(
        who, tamp::detail::checked_matrix(who, tokens, experts, sizeof(double)));
    if (gates.empty()) return gates;
    tamp::detail::row_reader read(z);
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto row = read(t);
      const std::span<double> of_token(gates.data() + t * experts, experts);
      for (std::size_t e = 0; e < experts; ++e)
        if (!is_finite(row[e]))
          tamp::detail::raise<value_error>(who, ": the logit of token ", t, ", expert ", e, " is ",
                                           row[e]);
      const auto largest = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (std::size_t e = 0; e < experts; ++e)
        sum += of_token[e] = std::exp(static_cast<double>(row[e] - largest));
      for (double& gate : of_token) gate /= sum;
      if (!renormalise) continue;
      double chosen = 0;
      for (const std::int64_t e : selected.subspan(t * k, k))
        chosen += of_token[static_cast<std::size_t>(e)];
      for (double& gate : of_token) {
        gate = chosen == 0 ? least : gate / chosen;
        if (!(gate >= least)) gate = least;
      }
    }
    return gates;
  });
}

}  // namespace tamp::inline TAMP_FLAGS::stat
