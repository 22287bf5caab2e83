#pragma once

/// @file
/// The norm of each input feature over the calibration tokens.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../detail/square_root.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../simd/row_sums.hpp"
#include "../tensor/rows.hpp"
#include "detail/check_features.hpp"
#include "detail/token_weights.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The root of the mean squared column norm of a layer's input.
///
///     norm(j) = sqrt( sum over calls of ||X[:, j]||^2  /  sum over calls of count )
///
/// X is (tokens, in_features). One call of `add` with count 1 is one SEQUENCE, whatever its number
/// of tokens, as Wanda counts. A caller that counts tokens passes their number as the count.
/// Squares are summed in double, token after token within a call. The result is the same for any
/// number of threads and any layout. Another split into calls, or another order of combining,
/// changes it by rounding alone. Memory: one double per feature.
///
/// With a weight w_t for each token, ||X[:, j]||^2 is the sum over tokens t of w_t X[t, j]^2. The
/// weights do not enter the count. A token of weight 0 is no token: its activations are ignored,
/// whatever they are, and tokens() does not count it. Weights of 1 and 0 give the bits of the rows
/// of weight 1 alone.
///
/// Source: Sun et al. 2024 (arXiv 2306.11695), section 3. The running mean of its published code
/// has the same value.
class [[nodiscard]] column_norm : public tamp::detail::adds_anywhere<column_norm> {
 public:
  using tamp::detail::adds_anywhere<column_norm>::add;

  static constexpr std::string_view label() { return "column_norm"; }

  /// Makes a statistic that covers no feature yet. The first `add` or `combine` sets the number.
  column_norm() = default;
  /// Makes a statistic that covers the given number of features.
  /// @throws shape_error if memory cannot hold that many features
  explicit column_norm(std::size_t features)
      : sum_of_squares_(detail::checked_array<double>(label(), features)) {}

  /// Adds one batch of activations, which may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before, or memory
  ///         cannot hold them
  /// @throws value_error if an activation is not finite, the count is 0, a norm does not fit into
  ///         a float, or a sum of counts does not fit into 64 bits; nothing is added then
  template <executor E, tensor_argument X>
  column_norm& add(const E& exec, const X& activations, std::uint64_t count = 1) {
    const detail::ieee_arithmetic as_usual;
    detail::with_source(activations, [&](const auto& x) {
      add_tokens(exec, x, detail::equal_tokens(static_cast<std::size_t>(x.rows())), count);
    });
    return *this;
  }
  /// Adds one batch of activations with a weight for each token.
  /// @throws shape_error as above, or if there is not one weight for each token
  /// @throws value_error as above, or if a weight is negative or not finite; nothing is added then
  template <executor E, tensor_argument X>
  column_norm& add(const E& exec, const X& activations, std::span<const double> weights,
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
  /// @throws value_error if a norm or a count would be too large; nothing is combined then
  column_norm& combine(const column_norm& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features() == 0) return *this;
    check_features(other.features(), "the statistics to combine cover ");
    const std::uint64_t count = detail::checked_sum<value_error>(label(), count_, other.count_);
    const std::uint64_t tokens = detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    std::vector<double> sums = other.sum_of_squares_;
    if (const std::size_t j = add_earlier(sums, count); j != sums.size()) refuse_sum(j);
    sum_of_squares_.swap(sums);
    count_ = count;
    tokens_ = tokens;
    return *this;
  }

  /// Returns the statistic whose values() are the given norms, made from `tokens` tokens elsewhere.
  /// It counts as one sequence.
  /// @throws value_error if a norm is negative or not finite
  static column_norm of(std::span<const float> norms, std::uint64_t tokens) {
    const detail::ieee_arithmetic as_usual;
    detail::check_list("column_norm", "norms", norms);
    for (std::size_t j = 0; j < norms.size(); ++j)
      if (!detail::is_nonnegative(norms[j]))
        detail::raise<value_error>("column_norm: the norm of feature ", j, " is ", norms[j]);
    column_norm seen;
    seen.sum_of_squares_ = detail::checked_array<double>(label(), norms.size());
    std::ranges::transform(norms, seen.sum_of_squares_.begin(), [](float norm) {
      return static_cast<double>(norm) * static_cast<double>(norm);
    });
    seen.count_ = 1;
    seen.tokens_ = tokens;
    return seen;
  }

  std::size_t features() const noexcept { return sum_of_squares_.size(); }
  /// The sum of the counts: the number of sequences, unless the caller counted otherwise.
  std::uint64_t count() const noexcept { return count_; }
  /// The number of tokens added, without those of weight 0. While it is 0, there is no basis for
  /// scores.
  std::uint64_t tokens() const noexcept { return tokens_; }
  [[nodiscard]] std::span<const double> sum_of_squares() const noexcept { return sum_of_squares_; }

  /// Returns one norm per feature; all are zero while count() is 0.
  [[nodiscard]] std::vector<float> values() const {
    const detail::ieee_arithmetic as_usual;
    std::vector<float> norms(features(), 0.0f);
    if (count_ == 0) return norms;
    for (std::size_t j = 0; j < norms.size(); ++j)
      norms[j] = static_cast<float>(norm(sum_of_squares_[j], count_));
    return norms;
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sum_of_squares", self.sum_of_squares_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    if (count_ == 0 && tokens_ != 0)
      detail::raise<value_error>("column_norm: ", tokens_, " tokens were seen in no sample");
    for (std::size_t j = 0; j < features(); ++j) {
      if (count_ == 0 && sum_of_squares_[j] != 0)
        detail::raise<value_error>("column_norm: the sum of squares of feature ", j, " is ",
                                   sum_of_squares_[j], " without a sample");
      if (!detail::is_nonnegative(sum_of_squares_[j]))
        detail::raise<value_error>("column_norm: the sum of squares of feature ", j, " is ",
                                   sum_of_squares_[j]);
      if (!fits_float(norm(sum_of_squares_[j], count_))) refuse_sum(j);
    }
  }

  friend bool operator==(const column_norm&, const column_norm&) = default;

 private:
  template <executor E, class Source, class Tokens>
  void add_tokens(const E& exec, const Source& x, const Tokens& counted, std::uint64_t count) {
    const auto tokens = static_cast<std::size_t>(x.rows());
    const auto features = static_cast<std::size_t>(x.cols());
    if (count == 0)
      detail::raise<value_error>("column_norm: a batch of activations needs a count above 0");
    check_features(features, "a batch of activations has ");
    const std::uint64_t all = detail::checked_sum<value_error>(label(), count_, count);
    const std::uint64_t all_tokens =
        detail::checked_sum<value_error>(label(), tokens_, counted.size());
    auto sums = detail::checked_array<double>(label(), features);
    if (counted.size() == 0 || features == 0) {
      // Nothing to sum up, however long the other extent is.
    } else if constexpr (detail::is_view<Source>) {
      // Threads share strips of columns and not tokens, so that every sum keeps its order.
      detail::for_each_strip(
          exec, features, strip, tokens, [&](std::size_t begin, std::size_t end) {
            // Contiguous rows are read whole. Of columns, a few strips at a time are read, whose
            // places the processor can keep track of.
            const std::size_t step = x.contiguous_rows() ? end - begin : 4 * strip;
            for (std::size_t first = begin; first < end; first += step) {
              const std::size_t width = (std::min)(first + step, end) - first;
              const Source part{x.data() + static_cast<std::ptrdiff_t>(first) * x.col_stride(),
                                tokens, width, x.row_stride(), x.col_stride()};
              add_squares(part, counted, std::span(sums).subspan(first, width));
            }
          });
    } else {
      add_squares(x, counted, sums);
    }
    if (const std::size_t j = add_earlier(sums, all); j != features) refuse(x, counted, j);
    sum_of_squares_.swap(sums);
    count_ = all;
    tokens_ = all_tokens;
  }

  static constexpr std::size_t strip = 64;

  // The mean over zero sequences is the empty sum.
  static double norm(double sum, std::uint64_t count) noexcept {
    return detail::square_root(sum / static_cast<double>((std::max)(count, std::uint64_t{1})));
  }
  static bool fits_float(double number) noexcept {
    return is_finite(number) && number <= static_cast<double>((std::numeric_limits<float>::max)());
  }

  // Adds the earlier sums to new ones, of at least as many features. Returns the first feature
  // whose norm is not a finite float, or the number of features.
  std::size_t add_earlier(std::span<double> sums, std::uint64_t count) const noexcept {
    for (std::size_t j = 0; j < sum_of_squares_.size(); ++j) sums[j] += sum_of_squares_[j];
    const double surely_fits = 1e76 * static_cast<double>(count);
    const auto broken = std::find_if(sums.begin(), sums.end(), [&](double sum) {
      return !(is_finite(sum) && sum <= surely_fits) && !fits_float(norm(sum, count));
    });
    return static_cast<std::size_t>(broken - sums.begin());
  }

  template <class Source, class Tokens>
  static void add_squares(const Source& x, const Tokens& counted, std::span<double> sums) {
    detail::with_row_sums([&](auto loops) {
      const auto add = [&](const auto* first, std::ptrdiff_t stride, std::size_t rows,
                           const double* weights) {
        if constexpr (Tokens::have_weights)
          loops.add_weighted_squares(first, stride, rows, sums.size(), weights, sums.data());
        else
          loops.add_squares(first, stride, rows, sums.size(), sums.data());
      };
      if constexpr (detail::is_view<Source>)
        if (x.contiguous_rows()) return add(x.data(), x.row_stride(), x.rows(), counted.weights());
      detail::row_reader<Source> read_row(x);
      for (std::size_t k = 0; k < counted.size(); ++k) {
        const double weight = counted.weight(k);
        add(read_row(counted.place(k)).data(), 0, 1, &weight);
      }
    });
  }

  void check_features(std::size_t features, std::string_view what) const {
    if (count_ != 0 || !sum_of_squares_.empty())
      detail::check_features(label(), what, features, sum_of_squares_.size());
  }

  template <class Source, class Tokens>
  [[noreturn]] static void refuse(const Source& x, const Tokens& counted, std::size_t feature) {
    detail::row_reader read_row(x);
    for (std::size_t k = 0; k < counted.size(); ++k)
      if (const auto value = read_row(counted.place(k))[feature]; !is_finite(value))
        detail::raise<value_error>("column_norm: the activation of token ", counted.place(k),
                                   ", feature ", feature, " is ", value);
    refuse_sum(feature);
  }
  [[noreturn]] static void refuse_sum(std::size_t feature) {
    detail::raise<value_error>("column_norm: the squares of feature ", feature,
                               " are too large: their norm is no finite float");
  }

  std::vector<double> sum_of_squares_;
  std::uint64_t count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
