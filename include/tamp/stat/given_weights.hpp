#pragma once

/// @file
/// The weighting that takes the weights that the host gives.

#include <cstddef>
#include <string_view>
#include <vector>

#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../model/layer_sample.hpp"
#include "../model/observable.hpp"
#include "../role.hpp"
#include "../tensor/detail/source.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The weights that the host gives the tokens of each sample by `observer.weights`, or those of
/// with_weights: a user's own.
struct given_weights {
  using role = tamp::role::weighting;
  static constexpr observable reads = observable::weights;

  static constexpr std::string_view label() { return "given weights"; }

  /// @throws value_error if the host gives the sample none
  template <executor E, class X, class Y>
  std::vector<double> operator()(const E&, const layer_sample<X, Y>& sample) const {
    const auto tokens = detail::row_count(sample.input);
    if (sample.weights.empty() && tokens != 0)
      detail::raise<value_error>("given weights: the host gives a sample of ", tokens,
                                 " tokens none");
    return {sample.weights.begin(), sample.weights.end()};
  }

  friend bool operator==(const given_weights&, const given_weights&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
