#pragma once

/// @file
/// One number of features for all that an accumulator takes in.

#include <cstddef>
#include <string_view>

#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// @throws shape_error if `what` ("a batch of activations has ") has another number of features
///         than the statistics cover
inline void check_features(std::string_view statistic, std::string_view what, std::size_t features,
                           std::size_t covered) {
  if (features != covered)
    raise<shape_error>(statistic, ": ", what, features, " features, the statistics cover ",
                       covered);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
