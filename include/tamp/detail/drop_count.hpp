#pragma once

/// @file
/// Conversions between a sparsity and the number of weights that it drops.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "../element.hpp"
#include "../error.hpp"
#include "number_range.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns floor(size * sparsity), computed in double as the published code does, and at most size.
constexpr std::size_t drop_count(std::size_t size, double sparsity) noexcept {
  if (sparsity >= 1) return size;
  return (std::min)(size, static_cast<std::size_t>(static_cast<double>(size) * sparsity));
}

inline void check_sparsity(const double& sparsity) {
  if (!is_fraction(sparsity))
    raise<value_error>("a sparsity is a fraction in [0, 1], not ", sparsity);
}

/// Returns floor(count * part / whole) without rounding or overflow. `count` and `part` must be at
/// most `whole`, and `whole` must be below 2^63.
constexpr std::size_t proportion(std::size_t count, std::size_t part, std::size_t whole) noexcept {
  if (whole == 0) return 0;
  std::size_t quotient = 0, remainder = 0;
  const auto add = [&](std::size_t number) {
    remainder += number;
    if (remainder < whole) return;
    remainder -= whole;
    ++quotient;
  };
  for (int bit = std::numeric_limits<std::size_t>::digits; bit-- > 0;) {
    quotient *= 2;
    add(remainder);
    if ((part >> bit & 1u) != 0) add(count);
  }
  return quotient;
}

/// The largest size of a weight for which a sparsity in double can represent every count.
inline constexpr std::size_t most_counted = std::size_t{1} << 52;

/// Returns a sparsity s that drops `count` of `size` weights in `rows` rows of equal length:
///
///     floor(size * s)        = count
///     floor(size / rows * s) = floor(count / rows)
///
/// Both are computed as drop_count does. The result is `preferred` if that equals count / size up
/// to rounding and has both properties. Otherwise it is count / size if that has both. Otherwise
/// count / size was rounded down too far, and the result is the next double, which is too large by
/// less than 2^-53. Times a size of up to 2^52, that is less than half a weight. The result for a
/// size of 0 is `preferred`.
/// @throws value_error if the weight has more than 2^52 numbers
inline double sparsity_that_drops(std::size_t count, std::size_t size, std::size_t rows = 1,
                                  double preferred = 0) {
  if (size > most_counted)
    raise<value_error>("a weight of ", size, " numbers is too large for counts in double");
  if (size == 0) return preferred;
  const double quotient = static_cast<double>(count) / static_cast<double>(size);
  const auto fits = [&](double s) {
    return std::abs(s - quotient) <= std::numeric_limits<double>::epsilon() && is_fraction(s) &&
           drop_count(size, s) == count &&
           (rows == 0 || drop_count(size / rows, s) == count / rows);
  };
  if (fits(preferred)) return preferred;
  if (fits(quotient)) return quotient;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(quotient) + 1);  // the next double
}

}  // namespace tamp::inline TAMP_FLAGS::detail
