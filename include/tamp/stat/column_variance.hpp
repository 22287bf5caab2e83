#pragma once

/// @file
/// The mean and the variance of each input feature over the calibration tokens.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/bits_as_computed.hpp"
#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../simd/column_moments.hpp"
#include "../tensor/rows.hpp"
#include "detail/check_features.hpp"
#include "detail/token_weights.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The mean and the variance of each feature of a layer's input, over all tokens of all calls.
///
///     mean(j)     = sum over tokens t of X[t, j]  /  N
///     variance(j) = sum over tokens t of (X[t, j] - mean(j))^2  /  (N - 1)
///
/// X is (tokens, in_features), N the number of tokens. The variance of one token is 0.
///
/// With a weight w_t for each token, and W the sum of the weights:
///
///     mean(j)     = sum over tokens t of w_t X[t, j]  /  W
///     variance(j) = sum over tokens t of w_t (X[t, j] - mean(j))^2  /  (W - sum of w_t^2 / W)
///
/// A common factor of the weights makes no difference. A token of weight 0 is no token: its
/// activations are ignored, whatever they are, and tokens() does not count it. Weights of 1 and 0
/// give the bits of the rows of weight 1 alone.
///
/// Deviations are taken from means of their own feature, in double, so that no large numbers
/// cancel. A variance is never negative, and exactly 0 while all numbers of a feature are equal.
/// The result is the same for any number of threads and any layout. Another split into calls, or
/// another order of combining, changes it by rounding alone. Memory: two doubles per feature.
///
/// Source: An et al. 2024, FLAP (arXiv 2312.11983), section on the fluctuation metric, which asks
/// for the sample variance over the calibration tokens. Its published code computes another number
/// (docs/policies/stat/column_variance.md). Merging: Chan, Golub & LeVeque 1983
/// (doi 10.1080/00031305.1983.10483115).
class [[nodiscard]] column_variance : public tamp::detail::adds_anywhere<column_variance> {
 public:
  using tamp::detail::adds_anywhere<column_variance>::add;

  static constexpr std::string_view label() { return "column_variance"; }

  /// Makes a statistic that covers no feature yet. The first `add` or `combine` sets the number.
  column_variance() = default;
  /// Makes a statistic that covers the given number of features.
  /// @throws shape_error if memory cannot hold that many features
  explicit column_variance(std::size_t features)
      : means_(detail::checked_array<double>(label(), features)),
        squares_(detail::checked_array<double>(label(), features)) {}

  /// Adds one batch of activations, which may have no tokens. The number of tokens alone enters
  /// the variance; `count` is what count() adds up, as for column_norm.
  /// @throws shape_error if X has another number of features than the calls before, or memory
  ///         cannot hold them
  /// @throws value_error if an activation is not finite, the count is 0, a variance is not finite,
  ///         or a sum of counts does not fit into 64 bits; nothing is added then
  template <executor E, tensor_argument X>
  column_variance& add(const E& exec, const X& activations, std::uint64_t count = 1) {
    const detail::ieee_arithmetic as_usual;
    detail::with_source(activations, [&](const auto& x) {
      add_tokens(exec, x, detail::equal_tokens(static_cast<std::size_t>(x.rows())), count);
    });
    return *this;
  }
  /// Adds one batch of activations with a weight for each token.
  /// @throws shape_error as above, or if there is not one weight for each token
  /// @throws value_error as above, or if a weight is negative or not finite, or products of the
  ///         weights of two tokens do not fit into a double; nothing is added then
  template <executor E, tensor_argument X>
  column_variance& add(const E& exec, const X& activations, std::span<const double> weights,
                       std::uint64_t count = 1) {
    const detail::ieee_arithmetic as_usual;
    detail::with_source(activations, [&](const auto& x) {
      add_tokens(exec, x,
                 detail::weighted_tokens(label(), weights, static_cast<std::size_t>(x.rows())),
                 count);
    });
    return *this;
  }

  /// Adds the data of another accumulator, as if its batches had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if a variance, a weight or a count would be too large; nothing is combined
  ///         then
  column_variance& combine(const column_variance& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features() == 0) return *this;
    check_features(other.features(), "the statistics to combine cover ");
    column_variance sum;
    sum.count_ = detail::checked_sum<value_error>(label(), count_, other.count_);
    sum.tokens_ = detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    sum.weights_ = merged(weights_, other.weights_, sum.tokens_);
    sum.means_ = other.means_;
    sum.squares_ = other.squares_;
    const double share = share_of(other.weights_.front(), weights_.front());
    const double factor = weights_.front() * share;
    for (std::size_t j = 0; j < features(); ++j) {
      const double change = other.means_[j] - means_[j];
      // Rounded in between, since the square of the change alone may be infinite.
      const double product = change * factor;
      const auto rounded = std::bit_cast<double>(detail::bits_as_computed(product));
      sum.means_[j] = means_[j] + change * share;
      sum.squares_[j] += squares_[j] + rounded * change;
    }
    if (const std::size_t j = sum.first_broken(); j != sum.features()) refuse_variance(j);
    std::swap(*this, sum);
    return *this;
  }

  std::size_t features() const noexcept { return means_.size(); }
  /// The sum of the counts: the number of sequences, unless the caller counted otherwise.
  std::uint64_t count() const noexcept { return count_; }
  /// The number of tokens added, without those of weight 0. While it is 0, there is no basis for
  /// scores.
  std::uint64_t tokens() const noexcept { return tokens_; }

  /// Returns the mean of each feature; all are zero while tokens() is 0.
  [[nodiscard]] std::vector<double> means() const { return means_; }
  /// Returns the variance of each feature; all are zero while tokens() is below 2.
  [[nodiscard]] std::vector<double> variances() const {
    const detail::ieee_arithmetic as_usual;
    std::vector<double> numbers(features(), 0.0);
    for (std::size_t j = 0; j < numbers.size(); ++j) numbers[j] = variance(j);
    return numbers;
  }

  /// Calls visit(name, value) for all values that combine merges, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("means", self.means_);
    visit("squared_deviations", self.squares_);
    visit("weights", self.weights_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    if (squares_.size() != features() || weights_.size() != 2)
      detail::raise<value_error>("column_variance: ", squares_.size(), " squared deviations and ",
                                 weights_.size(), " weights for ", features(), " features");
    const bool has_weight = detail::is_positive(weights_[0]);
    if (!detail::is_nonnegative(weights_[0]) || !detail::is_nonnegative(weights_[1]) ||
        has_weight != (tokens_ != 0) || (tokens_ < 2 && weights_[1] != 0) ||
        (tokens_ >= 2 && weights_[1] < least_pairs))
      detail::raise<value_error>("column_variance: ", tokens_, " tokens cannot have the weight ",
                                 weights_[0], ", and their pairs ", weights_[1]);
    for (std::size_t j = 0; j < features(); ++j) {
      if (!is_finite(means_[j]))
        detail::raise<value_error>("column_variance: the mean of feature ", j, " is ", means_[j]);
      if (!detail::is_nonnegative(squares_[j]))
        detail::raise<value_error>("column_variance: the squared deviation of feature ", j, " is ",
                                   squares_[j]);
      if (!is_finite(variance(j))) refuse_variance(j);
    }
  }

  friend bool operator==(const column_variance&, const column_variance&) = default;

 private:
  static constexpr std::size_t strip = 64;
  // Below it, the sum of the products of weights is not accurate.
  static constexpr double least_pairs = (std::numeric_limits<double>::min)();

  // The divisor W - sum of w^2 / W is written as 2 sum over pairs of w_s w_t / W, in which nothing
  // cancels. With weights of 1 it is exactly N - 1.
  double variance(std::size_t j) const noexcept {
    return weights_[1] == 0 ? 0.0 : squares_[j] / (weights_[1] / (0.5 * weights_[0]));
  }

  // Returns the first feature whose mean or variance is not finite, or the number of features.
  std::size_t first_broken() const noexcept {
    std::size_t j = 0;
    while (j < features() && is_finite(means_[j]) && is_finite(squares_[j]) &&
           is_finite(variance(j)))
      ++j;
    return j;
  }

  static double share_of(double added, double earlier) noexcept {
    return added == 0 ? 0.0 : added / (earlier + added);
  }

  // The sum of the weights of some tokens, and the sum over their pairs of the products of weights.
  static std::vector<double> weights_of(const detail::equal_tokens& counted) {
    const double n = counted.total();
    return {n, n == 0 ? 0.0 : 0.5 * n * (n - 1)};
  }
  static std::vector<double> weights_of(const detail::weighted_tokens& counted) {
    double sum = 0, pairs = 0;
    for (std::size_t k = 0; k < counted.size(); ++k) {
      pairs += counted.weight(k) * sum;
      sum += counted.weight(k);
    }
    return {sum, pairs};
  }
  static std::vector<double> merged(const std::vector<double>& a, const std::vector<double>& b,
                                    std::uint64_t tokens) {
    std::vector<double> sum{a[0] + b[0], a[1] + b[1] + a[0] * b[0]};
    if (!is_finite(sum[0]) || !is_finite(sum[1]))
      detail::raise<value_error>(
          "column_variance: the weights of the tokens are too large to be multiplied");
    if (tokens >= 2 && sum[1] < least_pairs)
      detail::raise<value_error>(
          "column_variance: the weights of the tokens are too small to be multiplied");
    return sum;
  }

  template <executor E, class Source, class Tokens>
  void add_tokens(const E& exec, const Source& x, const Tokens& counted, std::uint64_t count) {
    const auto features = static_cast<std::size_t>(x.cols());
    if (count == 0)
      detail::raise<value_error>("column_variance: a batch of activations needs a count above 0");
    check_features(features, "a batch of activations has ");
    column_variance sum(features);
    std::copy(means_.begin(), means_.end(), sum.means_.begin());
    std::copy(squares_.begin(), squares_.end(), sum.squares_.begin());
    sum.count_ = detail::checked_sum<value_error>(label(), count_, count);
    sum.tokens_ = detail::checked_sum<value_error>(label(), tokens_, counted.size());
    sum.weights_ = merged(weights_, weights_of(counted), sum.tokens_);
    const double earlier = weights_.front();
    if (counted.size() == 0 || features == 0) {
      // Nothing to sum up, however long the other extent is.
    } else if constexpr (detail::is_view<Source>) {
      // Threads share strips of columns and not tokens, so that every column keeps its order.
      detail::for_each_strip(
          exec, features, strip, x.rows(), [&](std::size_t begin, std::size_t end) {
            const std::size_t step = x.contiguous_rows() ? end - begin : 4 * strip;
            for (std::size_t first = begin; first < end; first += step) {
              const std::size_t width = (std::min)(first + step, end) - first;
              const Source part{x.data() + static_cast<std::ptrdiff_t>(first) * x.col_stride(),
                                x.rows(), width, x.row_stride(), x.col_stride()};
              merge(part, counted, earlier, std::span(sum.means_).subspan(first, width),
                    std::span(sum.squares_).subspan(first, width));
            }
          });
    } else {
      merge(x, counted, earlier, sum.means_, sum.squares_);
    }
    if (const std::size_t j = sum.first_broken(); j != features) refuse(x, counted, j);
    std::swap(*this, sum);
  }

  // Merges the tokens that count, a few at a time.
  template <class Source, class Tokens>
  static void merge(const Source& x, const Tokens& counted, double earlier, std::span<double> means,
                    std::span<double> squares) {
    detail::with_column_moments([&](auto loops) {
      constexpr std::size_t together = loops.rows_together;
      const auto merge_rows = [&](const auto* const* rows, std::size_t first, std::size_t size) {
        double weights[together] = {}, total = 0;
        for (std::size_t k = 0; k < size; ++k) total += weights[k] = counted.weight(first + k);
        const double share = share_of(total, earlier);
        loops.merge_rows(rows, weights, size, means.size(), total, share, earlier * share,
                         means.data(), squares.data());
        earlier += total;
      };
      if constexpr (detail::is_view<Source>)
        if (x.contiguous_rows()) {
          const typename Source::value_type* rows[together] = {};
          for (std::size_t first = 0; first < counted.size(); first += together) {
            const std::size_t size = (std::min)(together, counted.size() - first);
            for (std::size_t k = 0; k < size; ++k) rows[k] = x.row(counted.place(first + k)).data();
            merge_rows(rows, first, size);
          }
          return;
        }
      using value = detail::row_value<Source>;
      detail::row_reader<Source> read(x);
      const std::size_t width = means.size();
      auto numbers =
          detail::checked_array<value>(label(), detail::checked_product(label(), together, width));
      const value* rows[together];
      for (std::size_t k = 0; k < together; ++k) rows[k] = numbers.data() + k * width;
      for (std::size_t first = 0; first < counted.size(); first += together) {
        const std::size_t size = (std::min)(together, counted.size() - first);
        for (std::size_t k = 0; k < size; ++k) {
          const auto row = read(counted.place(first + k));
          std::copy(row.begin(), row.end(), numbers.data() + k * width);
        }
        merge_rows(rows, first, size);
      }
    });
  }

  void check_features(std::size_t features, std::string_view what) const {
    if (count_ != 0 || !means_.empty())
      detail::check_features(label(), what, features, means_.size());
  }

  template <class Source, class Tokens>
  [[noreturn]] static void refuse(const Source& x, const Tokens& counted, std::size_t feature) {
    detail::row_reader read_row(x);
    for (std::size_t k = 0; k < counted.size(); ++k)
      if (const auto value = read_row(counted.place(k))[feature]; !is_finite(value))
        detail::raise<value_error>("column_variance: the activation of token ", counted.place(k),
                                   ", feature ", feature, " is ", value);
    refuse_variance(feature);
  }
  [[noreturn]] static void refuse_variance(std::size_t feature) {
    detail::raise<value_error>("column_variance: the numbers of feature ", feature,
                               " are too large: their variance is not finite");
  }

  std::vector<double> means_, squares_;
  std::vector<double> weights_ = {0.0, 0.0};  // the sum, and the sum over pairs of products
  std::uint64_t count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
