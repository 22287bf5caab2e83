#pragma once

/// @file
/// Notes, on the device, of numbers that a kernel cannot use.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "../../detail/special_numbers.hpp"
#include "../../element.hpp"
#include "../../error.hpp"
#include "../../tensor/detail/finite.hpp"
#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The type on which the device's atomic functions work.
using wide = unsigned long long;
inline constexpr wide nowhere = ~wide{0};

/// A place, and the kind of the number there that is not finite. The order of these values is the
/// order of the places.
template <class Real>
__device__ wide broken_at(std::size_t place, Real number) noexcept {
  using bits = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;
  const wide is_negative = std::bit_cast<bits>(number) >> (sizeof(Real) * 8 - 1);
  return wide{place} << 2 | wide{is_nan(number)} << 1 | is_negative;
}
constexpr std::size_t place_of(wide broken) noexcept {
  return static_cast<std::size_t>(broken >> 2);
}
constexpr double number_at(wide broken) noexcept {
  using limits = std::numeric_limits<double>;
  const double number = (broken & 2u) != 0 ? limits::quiet_NaN() : limits::infinity();
  return (broken & 1u) != 0 ? -number : number;
}

/// The faults of a selection: for each kind the lowest place, or `nowhere`.
struct selection_status {
  wide statistic;          ///< broken_at(column)
  wide weight;             ///< broken_at(row * cols + column)
  wide score;              ///< row * cols + column of a score that is NaN
  double weight_of_score;  ///< once it is known; until then NaN

  __host__ __device__ constexpr bool is_broken() const noexcept {
    return statistic != nowhere || weight != nowhere || score != nowhere;
  }
};

/// Raises the CPU's error for a statistic.
/// @throws value_error if a statistic was not finite
inline void raise_if_statistic_broken(const selection_status& found, std::string_view operation,
                                      std::string_view layer) {
  if (found.statistic != nowhere)
    raise<value_error>(operation, ": the statistic of column ", place_of(found.statistic),
                       of_layer(layer), " is ", number_at(found.statistic));
}

/// Raises the CPU's error for a weight or score, but without the name of the score.
/// @throws value_error if a weight was not finite or a score was NaN
inline void raise_if_weight_broken(const selection_status& found, std::size_t cols,
                                   std::string_view operation, std::string_view layer) {
  if (found.weight != nowhere) {
    const std::size_t place = place_of(found.weight);
    raise<value_error>(operation, ": the weight in row ", place / cols, ", column ", place % cols,
                       of_layer(layer), " is ", number_at(found.weight));
  }
  if (found.score == nowhere) return;
  const std::string weight =
      is_nan(found.weight_of_score)
          ? std::string()
          : sentence(", which is ", static_cast<float>(found.weight_of_score), ",");
  raise<value_error>(operation, ": the score of the weight in row ", found.score / cols,
                     ", column ", found.score % cols, of_layer(layer), weight, " is not a number");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
