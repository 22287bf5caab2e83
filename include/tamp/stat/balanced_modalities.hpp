#pragma once

/// @file
/// The weighting that lets all modalities of a sample count the same.

#include <array>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../execute/executor.hpp"
#include "../model/layer_sample.hpp"
#include "../model/modality.hpp"
#include "../model/observable.hpp"
#include "../role.hpp"
#include "../tensor/detail/source.hpp"
#include "detail/check_kinds.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// Weights by which the tokens of each modality count the same in all, whatever their number.
///
///     w_t = tokens of the sample / (modalities of the sample * tokens of t's modality)
///
/// Use it where hundreds of image tokens outweigh a few words. The weights of a sample sum up to
/// its number of tokens. All are 1 if the sample has one modality.
struct balanced_modalities {
  using role = tamp::role::weighting;
  static constexpr observable reads = observable::modality;

  static constexpr std::string_view label() { return "balanced modalities"; }

  template <executor E, class X, class Y>
  std::vector<double> operator()(const E&, const layer_sample<X, Y>& sample) const {
    const detail::ieee_arithmetic as_usual;
    const auto tokens = detail::row_count(sample.input);
    detail::check_kinds("balanced_modalities", sample.kinds, tokens);
    auto weights = detail::checked_array<double>("balanced_modalities", tokens);
    std::array<std::size_t, std::size_t{(std::numeric_limits<unsigned char>::max)()} + 1> count{};
    const auto kind_of = [&](std::size_t t) {
      return static_cast<std::size_t>(sample.kinds.empty() ? modality::text : sample.kinds[t]);
    };
    for (std::size_t t = 0; t < tokens; ++t) ++count[kind_of(t)];
    std::size_t present = 0;
    for (const std::size_t of_kind : count) present += of_kind != 0 ? 1 : 0;
    for (std::size_t t = 0; t < tokens; ++t)
      weights[t] = static_cast<double>(tokens) / static_cast<double>(present * count[kind_of(t)]);
    return weights;
  }

  friend bool operator==(const balanced_modalities&, const balanced_modalities&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
