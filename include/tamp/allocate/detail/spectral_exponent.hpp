#pragma once

/// @file
/// Estimates of the tail exponent of a spectrum.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "../../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Eigenvalues that are not zero up to rounding, with their logarithms. The given eigenvalues must
/// be in ascending order.
class logarithmic_spectrum {
 public:
  explicit logarithmic_spectrum(std::span<const double> eigenvalues) {
    if (eigenvalues.empty()) return;
    rounding_ = std::numeric_limits<double>::epsilon() * static_cast<double>(eigenvalues.size());
    const double least = (std::max)(eigenvalues.back() * rounding_, 0.0);
    for (const double lambda : eigenvalues)
      if (lambda > least) logarithms_.push_back(std::log(lambda));
  }

  std::size_t size() const { return logarithms_.size(); }
  /// The natural logarithm of the eigenvalue of place k, in ascending order.
  double operator[](std::size_t k) const { return logarithms_[k]; }

  /// Returns 1 + count / sum of ln(lambda / lambda_0), where lambda_0 is the eigenvalue of place
  /// `first` and the sum is `sum`. Empty if all that enter the sum are equal up to rounding.
  std::optional<double> exponent(std::size_t count, double sum) const {
    const auto n = static_cast<double>(count);
    if (!(sum > 4 * rounding_ * n)) return {};
    return 1 + n / sum;
  }

  /// Returns the exponent of the `count` largest eigenvalues over the one of place `first`.
  std::optional<double> exponent_over(std::size_t first, std::size_t count) const {
    double sum = 0;
    for (std::size_t k = size() - count; k < size(); ++k)
      sum += logarithms_[k] - logarithms_[first];
    return exponent(count, sum);
  }

 private:
  std::vector<double> logarithms_;
  double rounding_ = 0;
};

/// Hill's estimate over the upper half of a spectrum of n eigenvalues:
///
///     1 + k / sum of ln(lambda / lambda_0) over the k = n / 2 largest eigenvalues lambda,
///             where lambda_0 is the next smaller eigenvalue
///
/// `eigenvalues` must be in ascending order. Those that are zero up to rounding do not count. Empty
/// if fewer than two remain, or if all that enter the sum are equal up to rounding.
inline std::optional<double> hill_exponent(std::span<const double> eigenvalues) {
  const logarithmic_spectrum spectrum(eigenvalues);
  const std::size_t k = spectrum.size() / 2;
  if (k == 0) return {};
  return spectrum.exponent_over(spectrum.size() - k - 1, k);
}

/// AlphaPruning's `alpha_mid`, the estimate above the middle of a spectrum of n eigenvalues:
///
///     1 + k / sum of ln(lambda / lambda_0) over the k = n - n / 2 largest eigenvalues lambda,
///             of which lambda_0 is the smallest
///
/// Otherwise as hill_exponent, whose lambda_0 is one eigenvalue lower if n is even.
inline std::optional<double> mid_exponent(std::span<const double> eigenvalues) {
  const logarithmic_spectrum spectrum(eigenvalues);
  if (spectrum.size() < 2) return {};
  const std::size_t first = spectrum.size() / 2;
  return spectrum.exponent_over(first, spectrum.size() - first);
}

/// AlphaPruning's `alpha_peak`, the best fit of a power law that begins near the peak of a spectrum
/// of n eigenvalues lambda(0) <= lambda(1) <= ...:
///
///     peak         = the lower edge of the fullest of 100 bins, equally wide in log10(lambda), from
///                    the smallest to the largest eigenvalue (of equally full bins, the lowest)
///     i            = places but the last with log10(0.95 peak) <= lambda(i) <= 1.5 peak
///     exponent(i)  = 1 + (n - i) / sum over k >= i of ln(lambda(k) / lambda(i))
///     distance(i)  = max over k >= i of
///                    |1 - (lambda(k) / lambda(i))^(1 - exponent(i)) - (k - i) / (n - i)|
///
/// The result is the exponent(i) of least distance, of equals that of the lower i. The lower bound
/// compares a logarithm with an eigenvalue, as the published code does. The result therefore
/// depends on the scale of the weight. `log10_factor` is the decimal logarithm of the number with
/// which `eigenvalues` must be multiplied. A place above which all eigenvalues are equal up to
/// rounding has no exponent. Empty if no place has one.
inline std::optional<double> peak_exponent(std::span<const double> eigenvalues,
                                           double log10_factor = 0) {
  const logarithmic_spectrum spectrum(eigenvalues);
  const std::size_t n = spectrum.size();
  if (n < 2) return {};
  constexpr double ln_10 = 2.302585092994045684;
  const auto decimal = [&](std::size_t k) { return spectrum[k] / ln_10 + log10_factor; };
  const double least = decimal(0), width = decimal(n - 1) - least;
  if (!(width > 0)) return {};
  constexpr std::size_t bins = 100;
  std::array<std::size_t, bins> count{};
  for (std::size_t k = 0; k < n; ++k) {
    const auto bin = static_cast<std::size_t>((decimal(k) - least) / width * double(bins));
    ++count[(std::min)(bin, bins - 1)];
  }
  const auto fullest = std::max_element(count.begin(), count.end()) - count.begin();
  const double peak = least + width * (static_cast<double>(fullest) / double(bins));
  const double lower = std::log10(0.95) + peak, upper = std::log10(1.5) + peak;

  std::vector<double> sums(n);
  for (std::size_t i = n - 1; i-- > 0;)
    sums[i] = sums[i + 1] + static_cast<double>(n - i - 1) * (spectrum[i + 1] - spectrum[i]);
  std::optional<double> best;
  double best_distance = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < n && decimal(i) <= upper; ++i) {
    if (lower > 0 && decimal(i) < std::log10(lower)) continue;
    const std::optional<double> exponent = spectrum.exponent(n - i, sums[i]);
    if (!exponent) continue;
    double distance = 0;
    for (std::size_t k = i; k < n; ++k) {
      const double above = std::exp((1 - *exponent) * (spectrum[k] - spectrum[i]));
      const double expected = static_cast<double>(k - i) / static_cast<double>(n - i);
      distance = (std::max)(distance, std::fabs(1 - above - expected));
    }
    if (distance < best_distance) {
      best_distance = distance;
      best = exponent;
    }
  }
  return best;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
