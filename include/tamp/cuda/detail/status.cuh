#pragma once

/// @file
/// What a kernel found that cannot be used, noted on the device.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "../../detail/ordered_key.hpp"
#include "../../tensor/element.hpp"
#include "launch.cuh"

namespace tamp::detail {

/// The type on which the device's atomic functions work.
using wide = unsigned long long;
inline constexpr wide nowhere = ~wide{0};

/// A place, and which number that is not finite was there. The lowest place is also the lowest of
/// these.
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

/// What is wrong with a selection: for each kind the lowest place, or `nowhere`.
struct selection_status {
  wide statistic;          ///< broken_at(column)
  wide weight;             ///< broken_at(row * cols + column)
  wide score;              ///< row * cols + column of a score that is not a number
  double weight_of_score;  ///< once that is known

  __host__ __device__ constexpr bool is_broken() const noexcept {
    return statistic != nowhere || weight != nowhere || score != nowhere;
  }
};

}  // namespace tamp::detail
