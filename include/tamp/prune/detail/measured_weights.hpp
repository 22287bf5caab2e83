#pragma once

/// @file
/// Weights of tokens that are measured on whole samples before statistics are gathered.

#include <cstddef>
#include <tuple>
#include <type_traits>

#include "../../error.hpp"
#include "../../model/host.hpp"
#include "../../model/observable.hpp"

namespace tamp::inline TAMP_FLAGS {

// Only programs that measure weights include their headers, as stat/reach.hpp does.
class token_weights;

namespace detail {

/// A statistic whose weighting has `measure` (see stat::weighting).
template <class Statistic>
concept weighed_by_measure = requires { requires Statistic::weighting_policy::measured; };

/// The weights of a calibration whose statistics measure none.
struct no_weights {
  friend bool operator==(const no_weights&, const no_weights&) = default;
};

/// True if some statistic takes weights that the host may not give.
template <class Host, class... Statistics>
inline constexpr bool may_measure_weights =
    (weighed_by_measure<Statistics> || ...) && !includes(shown_always<Host>, observable::weights);

/// Calls use(host) with a host that gives the weights that the statistics take: `host` itself, or
/// one with the weights that measure(host) returns a pointer to. Returns false if that pointer is
/// null, because measuring was stopped.
template <class... Statistics, class Host, class Measure, class Use>
bool with_measured_weights(Host& host, const Measure& measure, const Use& use) {
  if constexpr (may_measure_weights<Host, Statistics...>) {
    if (!includes(shown_by(host), observable::weights)) {
      const token_weights* const weights = measure(host);
      if (weights == nullptr) return false;
      auto weighed = with_weights(host, *weights);
      return use(weighed);
    }
    if constexpr (shows_always<Host>)
      return false;  // never reached: such a host gives no weights
    else
      return use(host);
  } else {
    return use(host);
  }
}

/// Returns the weighting that must be measured, of the first statistic that has one.
/// @throws value_error if two of them differ
template <class First, class... Rest>
const auto& measured_weighting(const First& first, const Rest&... rest) {
  if constexpr (!weighed_by_measure<First>) {
    return measured_weighting(rest...);
  } else {
    const auto& weighting = first.by();
    const auto compare = [&]<class Other>(const Other& other) {
      if constexpr (weighed_by_measure<Other>) {
        static_assert(
            std::is_same_v<typename Other::weighting_policy, typename First::weighting_policy>,
            "these policies weigh tokens by two measured weightings, and a host has one "
            "list of weights: use one weighting, or two calibrations");
        if (!(other.by() == weighting))
          raise<value_error>("calibration: two statistics take different weights of tokens: ",
                             first.label(), " and ", other.label());
      }
    };
    (compare(rest), ...);
    return weighting;
  }
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
