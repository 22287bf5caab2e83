#pragma once

/// @file
/// The mean and the fluctuation of each input feature as FLAP's published code computes them.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/check_features.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// FLAP's statistics by the recurrence of its code, one sample a call, for comparisons with it.
///
///     mean_n(j) = mean_(n-1)(j) (n - 1) / n  +  mean over tokens of X[., j] / n
///     f_1(j)    = 0
///     f_n(j)    = f_(n-1)(j) (n - 2) / (n - 1)  +  sum over tokens of (X[t, j] - mean_n(j))^2 / n
///
/// The mean is that of the samples' means, and the fluctuation f is no variance: the first sample
/// counts for nothing, and the factors do not add up. Use stat::column_variance for the paper's
/// statistic. The order of the samples matters, and two of these cannot be combined. Sums are in
/// double, over tokens in order. Memory: two doubles per feature.
///
/// Source: CASIA-IVA-Lab/FLAP, lib/layerwrapper.py.
class [[nodiscard]] published_fluctuation {
 public:
  /// Adds one sample, (tokens, features), of at least one token.
  /// @throws shape_error if it has another number of features than the samples before, or no token
  /// @throws value_error if an activation, a mean or a fluctuation is not finite; nothing is added
  ///         then
  template <tensor_argument X>
  published_fluctuation& add(const X& activations) {
    const tamp::detail::ieee_arithmetic as_usual;
    tamp::detail::with_source(activations, [&](const auto& x) { add_sample(x); });
    return *this;
  }

  std::size_t features() const noexcept { return means_.size(); }
  /// The number of samples.
  std::uint64_t count() const noexcept { return samples_; }
  [[nodiscard]] const std::vector<double>& means() const noexcept { return means_; }
  [[nodiscard]] const std::vector<double>& fluctuations() const noexcept { return fluctuations_; }

  friend bool operator==(const published_fluctuation&, const published_fluctuation&) = default;

 private:
  template <class Source>
  void add_sample(const Source& x) {
    constexpr std::string_view who = "published_fluctuation";
    const auto tokens = static_cast<std::size_t>(x.rows());
    const auto width = static_cast<std::size_t>(x.cols());
    if (tokens == 0) tamp::detail::raise<shape_error>(who, ": a sample has no token");
    if (samples_ != 0) tamp::detail::check_features(who, "a sample has ", width, features());
    const double n = static_cast<double>(samples_ + 1);
    auto means = tamp::detail::checked_array<double>(who, width);
    auto squares = means;
    if (width == 0) return void(++samples_);
    tamp::detail::row_reader read(x);
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto row = read(t);
      for (std::size_t j = 0; j < width; ++j) means[j] += static_cast<double>(row[j]);
    }
    for (std::size_t j = 0; j < width; ++j)
      means[j] = (samples_ == 0 ? 0.0 : means_[j] * ((n - 1) / n)) +
                 means[j] / static_cast<double>(tokens) / n;
    if (samples_ != 0) {
      for (std::size_t t = 0; t < tokens; ++t) {
        const auto row = read(t);
        for (std::size_t j = 0; j < width; ++j) {
          const double deviation = static_cast<double>(row[j]) - means[j];
          squares[j] += deviation * deviation;
        }
      }
      for (std::size_t j = 0; j < width; ++j)
        squares[j] = fluctuations_[j] * ((n - 2) / (n - 1)) + squares[j] / n;
    }
    for (std::size_t j = 0; j < width; ++j)
      if (!is_finite(means[j]) || !is_finite(squares[j]))
        tamp::detail::raise<value_error>(who, ": the numbers of feature ", j,
                                         " are not finite, or too large");
    means_ = std::move(means);
    fluctuations_ = std::move(squares);
    ++samples_;
  }

  std::vector<double> means_, fluctuations_;
  std::uint64_t samples_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
