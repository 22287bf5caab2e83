#pragma once

/// @file
/// A statistic as one number for each column of a weight.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "../../error.hpp"
#include "../../tensor/detail/finite.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns a statistic's numbers, one for each input feature. `statistics` is an accumulator with
/// values(), or the numbers themselves.
template <class Statistics>
decltype(auto) column_values(const Statistics& statistics) {
  if constexpr (std::convertible_to<const Statistics&, std::span<const float>>) {
    return std::span<const float>(statistics);
  } else {
    static_assert(
        requires { std::span<const float>(statistics.values()); },
        "a statistic is an accumulator with values(), or one float for each column of the weight");
    return statistics.values();
  }
}

/// The statistics of a policy that needs none.
struct no_statistics {};

/// Returns the number of calibration tokens, including those that a statistic did not select.
template <class Statistics>
std::uint64_t tokens_seen(const Statistics& statistics) {
  if constexpr (requires { statistics.tokens_seen(); })
    return statistics.tokens_seen();
  else
    return statistics.tokens();
}

inline void check_statistics(std::span<const float> values, std::size_t cols,
                             std::string_view operation, std::string_view layer) {
  if (values.size() != cols)
    raise<shape_error>(operation, ": the weight", of_layer(layer), " has ", cols,
                       " columns, the statistics cover ", values.size());
  if (values.data() == nullptr && cols != 0)
    raise<value_error>(operation, ": the statistics", of_layer(layer), " are a null pointer");
  for (std::size_t j = 0; j < values.size(); ++j)
    if (!is_finite(values[j]))
      raise<value_error>(operation, ": the statistic of column ", j, of_layer(layer), " is ",
                         values[j]);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
