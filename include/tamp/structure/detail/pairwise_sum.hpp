#pragma once

/// @file
/// Sums of doubles in the order of NumPy, to the bit.

#include <cstddef>
#include <span>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns a number as it is in memory. No compiler fuses or rearranges what is done before and
/// after it, whatever its flags.
inline double rounded(double number) noexcept {
  __asm__("" : "+m"(number));
  return number;
}

/// Returns the sum of some numbers as NumPy's add.reduce adds them up: up to 128 by eight running
/// sums, more by halves.
///
/// Selections that compare sums of scores are defined by that order, since the reference is written
/// in NumPy. Its error grows with the logarithm of the count. A sum of nothing is 0.
inline double pairwise_sum(std::span<const double> numbers) noexcept {
  constexpr std::size_t lanes = 8, most = 128;
  const std::size_t n = numbers.size();
  double sum = 0;
  if (n < lanes) {
    for (const double number : numbers) sum = rounded(sum + number);
    return sum;
  }
  if (n > most) {
    const std::size_t half = n / 2 / lanes * lanes;
    const double low = pairwise_sum(numbers.first(half));
    return rounded(low + pairwise_sum(numbers.subspan(half)));
  }
  double r[lanes];
  for (std::size_t k = 0; k < lanes; ++k) r[k] = numbers[k];
  std::size_t i = lanes;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) r[k] = rounded(r[k] + numbers[i + k]);
  const double first = rounded(rounded(r[0] + r[1]) + rounded(r[2] + r[3]));
  const double last = rounded(rounded(r[4] + r[5]) + rounded(r[6] + r[7]));
  sum = rounded(first + last);
  for (; i < n; ++i) sum = rounded(sum + numbers[i]);
  return sum;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
