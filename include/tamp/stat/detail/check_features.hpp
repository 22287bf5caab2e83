#pragma once

/// @file
/// The check that an accumulator covers one number of features.

#include <cstddef>
#include <string_view>

#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Checks the number of features of an argument, which `what` describes: for example
/// "a batch of activations has ".
/// @throws shape_error if it has another number of features than the statistics cover
inline void check_features(std::string_view statistic, std::string_view what, std::size_t features,
                           std::size_t covered) {
  if (features != covered)
    raise<shape_error>(statistic, ": ", what, features, " features, the statistics cover ",
                       covered);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
