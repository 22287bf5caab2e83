#pragma once

/// @file
/// The weighting that counts the tokens of one modality alone.

#include <cstddef>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../model/layer_sample.hpp"
#include "../model/modality.hpp"
#include "../model/observable.hpp"
#include "../role.hpp"
#include "../tensor/detail/source.hpp"
#include "detail/check_kinds.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// Weight 1 for the tokens of one modality, and 0 for all others.
///
/// Use it to measure how much of a statistic comes from text or from images. A sample without such
/// tokens adds nothing but its count.
struct only_modality {
  using role = tamp::role::weighting;
  static constexpr observable reads = observable::modality;

  modality kind = modality::text;

  /// "only text", "only image", or "only modality 5" for a kind of the host's own.
  std::string label() const {
    switch (kind) {
      case modality::text:
        return "only text";
      case modality::image:
        return "only image";
      case modality::audio:
        return "only audio";
      case modality::video:
        return "only video";
    }
    return detail::sentence("only modality ", static_cast<unsigned>(kind));
  }

  template <executor E, class X, class Y>
  std::vector<double> operator()(const E&, const layer_sample<X, Y>& sample) const {
    const auto tokens = detail::row_count(sample.input);
    detail::check_kinds("only_modality", sample.kinds, tokens);
    auto weights = detail::checked_array<double>("only_modality", tokens);
    for (std::size_t t = 0; t < tokens; ++t)
      weights[t] = (sample.kinds.empty() ? modality::text : sample.kinds[t]) == kind ? 1.0 : 0.0;
    return weights;
  }

  friend bool operator==(const only_modality&, const only_modality&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
