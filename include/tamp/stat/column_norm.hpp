#pragma once

/// @file
/// The norm of each input feature over the calibration tokens.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../detail/simd/kernels.hpp"
#include "../error.hpp"
#include "../execute/standard.hpp"
#include "../tensor/rows.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// Root of the mean squared column norm of a layer's input.
///
///     norm(j) = sqrt( sum over calls of ||X[:, j]||^2  /  sum over calls of weight )
///
/// X is (tokens, in_features). One call of `add` with weight 1 is one SEQUENCE, however many tokens
/// it has, as Wanda counts; a caller that counts tokens passes their number as the weight. Squares
/// are summed in double, token after token within a call, so the result is the same for any thread
/// count and layout; another split into calls, or another order of merging, changes it by rounding
/// alone. Memory: one double a feature.
///
/// Source: Sun et al. 2024 (arXiv 2306.11695), section 3; the running mean of its published code
/// has the same value.
class column_norm {
 public:
  static constexpr std::string_view label() { return "column_norm"; }

  /// Covers no feature yet; the first `add` or `merge` sets the number.
  column_norm() = default;
  explicit column_norm(std::size_t features) : sum_of_squares_(features, 0.0) {}

  /// Takes in one batch of activations; it may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before
  /// @throws value_error if an activation is not finite or the weight is 0; nothing is added then
  template <tensor X, executor E = execute::standard>
  column_norm& add(const X& activations, std::uint64_t weight = 1) {
    return add(E{}, activations, weight);
  }
  template <executor E, tensor X>
  column_norm& add(const E& exec, const X& activations, std::uint64_t weight = 1) {
    const detail::ieee_arithmetic as_usual;
    const auto& x = detail::source(activations);
    const auto tokens = static_cast<std::size_t>(x.rows());
    const auto features = static_cast<std::size_t>(x.cols());
    if (weight == 0)
      detail::raise<value_error>("column_norm: a batch of activations needs a weight above 0");
    check_features(features, "a batch of activations has ");
    std::vector<double> sums(features, 0.0);
    if constexpr (strided_tensor<X>) {
      // Threads share out strips of columns, not the tokens: every sum keeps its order.
      const std::size_t strips = (features + strip - 1) / strip;
      detail::for_each_range(exec, strips, strip * tokens, [&](std::size_t begin, std::size_t end) {
        // Rows are read whole; of columns some at a time, so that the processor can keep track of
        // where they lie.
        const std::size_t step = x.contiguous_rows() ? end - begin : 4;
        for (std::size_t s = begin; s < end; s += step) {
          const std::size_t first = s * strip;
          const std::size_t width = (std::min)((std::min)(s + step, end) * strip, features) - first;
          const std::remove_cvref_t<decltype(x)> part{
              x.data() + static_cast<std::ptrdiff_t>(first) * x.col_stride(), tokens, width,
              x.row_stride(), x.col_stride()};
          add_squares(part, std::span(sums).subspan(first, width));
        }
      });
    } else {
      add_squares(x, sums);
    }
    const auto broken =
        std::find_if(sums.begin(), sums.end(), [](double s) { return !is_finite(s); });
    if (broken != sums.end()) refuse(x, static_cast<std::size_t>(broken - sums.begin()));

    sum_of_squares_.resize(features, 0.0);
    for (std::size_t j = 0; j < features; ++j) sum_of_squares_[j] += sums[j];
    count_ += weight;
    tokens_ += tokens;
    return *this;
  }

  /// Takes in what another accumulator has seen, as if its batches had been added here.
  /// @throws shape_error if it covers another number of features
  column_norm& merge(const column_norm& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features() == 0) return *this;
    check_features(other.features(), "the statistics to merge cover ");
    sum_of_squares_.resize(other.features(), 0.0);
    for (std::size_t j = 0; j < other.features(); ++j)
      sum_of_squares_[j] += other.sum_of_squares_[j];
    count_ += other.count_;
    tokens_ += other.tokens_;
    return *this;
  }

  std::size_t features() const noexcept { return sum_of_squares_.size(); }
  /// The sum of the weights: sequences, unless the caller counted otherwise.
  std::uint64_t count() const noexcept { return count_; }
  /// How many tokens went in; while it is 0, there is nothing to judge a weight by.
  std::uint64_t tokens() const noexcept { return tokens_; }
  std::span<const double> sum_of_squares() const noexcept { return sum_of_squares_; }

  /// One norm a feature; all zero while count() is 0.
  std::vector<float> values() const {
    const detail::ieee_arithmetic as_usual;
    std::vector<float> norms(features(), 0.0f);
    if (count_ == 0) return norms;
    for (std::size_t j = 0; j < norms.size(); ++j)
      norms[j] = static_cast<float>(std::sqrt(sum_of_squares_[j] / static_cast<double>(count_)));
    return norms;
  }

  /// For files: visit(name, value) for all that merge adds up.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sum_of_squares", self.sum_of_squares_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// @throws value_error if what was read from a file cannot have been written there
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    for (std::size_t j = 0; j < features(); ++j)
      if (!(is_finite(sum_of_squares_[j]) && sum_of_squares_[j] >= 0))
        detail::raise<value_error>("column_norm: the sum of squares of feature ", j, " is ",
                                   sum_of_squares_[j]);
  }

  friend bool operator==(const column_norm&, const column_norm&) = default;

 private:
  static constexpr std::size_t strip = 64;

  template <class Source>
  static void add_squares(const Source& x, std::span<double> sums) {
    const auto tokens = static_cast<std::size_t>(x.rows());
    detail::with_kernels([&](auto kernels) {
      if constexpr (detail::is_view<Source>)
        if (x.contiguous_rows())
          return kernels.add_squares(x.data(), x.row_stride(), tokens, sums.size(), sums.data());
      detail::row_reader<Source> read_row(x);
      for (std::size_t t = 0; t < tokens; ++t)
        kernels.add_squares(read_row(t).data(), 0, 1, sums.size(), sums.data());
    });
  }

  void check_features(std::size_t features, std::string_view who) const {
    if (count_ != 0 || !sum_of_squares_.empty())
      if (features != sum_of_squares_.size())
        detail::raise<shape_error>("column_norm: ", who, features,
                                   " features, the statistics cover ", sum_of_squares_.size());
  }

  template <class Source>
  [[noreturn]] static void refuse(const Source& x, std::size_t feature) {
    detail::row_reader read_row(x);
    const auto tokens = static_cast<std::size_t>(x.rows());
    for (std::size_t t = 0; t < tokens; ++t)
      if (const auto value = read_row(t)[feature]; !is_finite(value))
        detail::raise<value_error>("column_norm: the activation of token ", t, ", feature ",
                                   feature, " is ", value);
    detail::raise<value_error>("column_norm: the squares of feature ", feature,
                               " are too large to be summed");
  }

  std::vector<double> sum_of_squares_;
  std::uint64_t count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
