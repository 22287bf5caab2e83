#pragma once

/// @file
/// The products of all pairs of input features, summed over the calibration tokens.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/square_root.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../simd/finite_checks.hpp"
#include "../simd/gram_product.hpp"
#include "../simd/similar_rows.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "detail/check_features.hpp"
#include "detail/token_weights.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The Gram matrix X^T X, summed over calls, which is score::sparsegpt's Hessian of a layer's
/// error.
///
///     matrix(i, j) = sum over tokens t of X[t, i] * X[t, j]
///
/// X is (tokens, in_features). `count` is the number of calls with count 1, as column_norm counts
/// sequences. Products are made and summed in double, 256 tokens at a time. The bits do not depend
/// on the executor. Another split into calls, or another order of combining, changes them by
/// rounding alone. Memory: one double per pair of features (134 MB for 4096), and 256 tokens.
///
/// With a weight w_t for each token, the product of token t is w_t X[t, i] X[t, j]. Both factors
/// are multiplied by sqrt(w_t), so that the matrix is symmetric. A token of weight 0 is no token:
/// its activations are ignored, whatever they are, and tokens() does not count it. Weights of 1 and
/// 0 give the bits of the rows of weight 1 alone.
///
/// Source: Frantar & Alistarh 2023, SparseGPT (arXiv 2301.00774).
class [[nodiscard]] gram : public tamp::detail::adds_anywhere<gram> {
 public:
  using tamp::detail::adds_anywhere<gram>::add;

  static constexpr std::string_view label() { return "gram"; }

  gram() = default;

  /// Adds one batch of activations, which may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before, or memory
  ///         cannot hold their pairs
  /// @throws value_error if an activation is not finite, the count is 0, or a sum would be too
  ///         large; nothing is added then
  template <executor E, tensor_argument X>
  gram& add(const E& exec, const X& activations, std::uint64_t count = 1) {
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
  gram& add(const E& exec, const X& activations, std::span<const double> weights,
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
  /// @throws shape_error if it covers another number of features, or memory cannot hold the sums
  /// @throws value_error if a sum or a count would be too large; nothing is combined then
  gram& combine(const gram& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features_ == 0) return *this;
    check_features(other.features_, "the statistics to combine cover ");
    const std::uint64_t count = detail::checked_sum<value_error>(label(), count_, other.count_);
    const std::uint64_t tokens = detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    if (!(largest_sum() + other.largest_sum() < 1e308))
      for (std::size_t k = 0; k < sums_.size(); ++k)
        if (!is_finite(sums_[k] + other.sums_[k])) refuse_sum(k, features_);
    detail::with_memory(label(), [&] { sums_.resize(other.sums_.size(), 0.0); });
    for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] += other.sums_[k];
    features_ = other.features_;
    count_ = count;
    tokens_ = tokens;
    return *this;
  }

  std::size_t features() const noexcept { return features_; }
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t tokens() const noexcept { return tokens_; }
  /// The sums, (features, features), symmetric.
  [[nodiscard]] matrix_view<const double> matrix() const noexcept {
    return {sums_.data(), features_, features_};
  }
  /// Returns the sum of squares of each feature.
  [[nodiscard]] std::vector<double> diagonal() const {
    std::vector<double> squares(features_);
    for (std::size_t j = 0; j < features_; ++j) squares[j] = sums_[j * (features_ + 1)];
    return squares;
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sums", self.sums_);
    visit("features", self.features_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    if (features_ > 0xffffffffu || sums_.size() != features_ * features_)
      detail::raise<value_error>("gram: ", sums_.size(), " sums for ", features_, " features");
    for (std::size_t i = 0; i < features_; ++i)
      for (std::size_t j = 0; j < features_; ++j)
        if (!is_finite(sums_[i * features_ + j]) || (i == j && sums_[i * features_ + j] < 0))
          detail::raise<value_error>("gram: the sum for features ", i, " and ", j, " is ",
                                     sums_[i * features_ + j]);
    if (count_ == 0 && tokens_ != 0)
      detail::raise<value_error>("gram: ", tokens_, " tokens were seen in no sample");
    double largest = 0;
    for (std::size_t j = 0; j < features_; ++j)
      largest = (std::max)(largest, sums_[j * (features_ + 1)]);
    // Sums may be rounded in another order on another machine.
    for (std::size_t i = 0; i < features_; ++i)
      for (std::size_t j = 0; j < features_; ++j) {
        const double sum = sums_[i * features_ + j], mirrored = sums_[j * features_ + i];
        if (std::fabs(sum - mirrored) > 1e-6 * largest)
          detail::raise<value_error>("gram: the sums for features ", i, " and ", j, " are ", sum,
                                     " and ", mirrored);
        if (std::fabs(sum) > 1.001 * largest || (count_ == 0 && sum != 0))
          detail::raise<value_error>(
              "gram: the sum for features ", i, " and ", j, " is ", sum,
              count_ == 0 ? " without a sample" : ", and no feature has one as large with itself");
      }
  }

  friend bool operator==(const gram&, const gram&) = default;

 private:
  template <executor E, class Source, class Tokens>
  void add_tokens(const E& exec, const Source& x, const Tokens& counted, std::uint64_t count) {
    const auto features = static_cast<std::size_t>(x.cols());
    if (count == 0)
      detail::raise<value_error>("gram: a batch of activations needs a count above 0");
    check_features(features, "a batch of activations has ");
    const std::uint64_t all = detail::checked_sum<value_error>(label(), count_, count);
    const std::uint64_t all_tokens =
        detail::checked_sum<value_error>(label(), tokens_, counted.size());
    pairs(features);
    detail::with_memory(label(), [&] {
      if (counted.size() != 0 && features != 0) {
        const double largest = check_finite(exec, x, counted);
        add_products(exec, x, counted, largest);
      } else {
        sums_.resize(pairs(features), 0.0);
      }
    });
    features_ = features;
    count_ = all;
    tokens_ = all_tokens;
  }

  void check_features(std::size_t features, std::string_view what) const {
    if (count_ != 0 || features_ != 0) detail::check_features(label(), what, features, features_);
  }

  static std::size_t pairs(std::size_t features) {
    return detail::checked_matrix(label(), features, features, sizeof(double));
  }

  // No sum exceeds the largest one of a feature with itself.
  double largest_sum() const noexcept {
    double largest = 0;
    for (std::size_t j = 0; j < sums_.size(); j += features_ + 1)
      largest = (std::max)(largest, sums_[j]);
    return largest;
  }

  // Adds to the sums in place if none of them can become too large and reading cannot fail between
  // two batches. Otherwise adds to a copy, which replaces the sums at the end.
  template <executor E, class Source, class Tokens>
  void add_products(const E& exec, const Source& x, const Tokens& counted, double largest) {
    const std::size_t tokens = counted.size();
    const auto features = static_cast<std::size_t>(x.cols());
    const double most = largest_sum() + counted.total() * largest * largest;
    const bool in_place = detail::is_view<Source> && !sums_.empty() && most < 1e308;
    std::vector<double> copy;
    if (!in_place) {
      copy.reserve(pairs(features));
      copy = sums_;
      copy.resize(pairs(features), 0.0);
    }
    std::vector<double>& sums = in_place ? sums_ : copy;
    for (std::size_t first = 0; first < tokens; first += batch)
      detail::add_upper_gram_product(
          exec, packed_columns(exec, x, counted, first, (std::min)(batch, tokens - first)),
          std::span(sums));
    detail::mirror_upper_triangle(exec, features, std::span(sums));
    if (in_place) return;
    if (!(most < 1e308))
      for (std::size_t k = 0; k < copy.size(); ++k)
        if (!is_finite(copy[k])) refuse_sum(k, features);
    sums_.swap(copy);
  }

  [[noreturn]] static void refuse_sum(std::size_t k, std::size_t features) {
    detail::raise<value_error>("gram: the products of features ", k / features, " and ",
                               k % features, " are too large to be summed");
  }

  // Checks that all activations are finite. Returns an upper bound of their absolute values: for
  // floats the largest float, which takes no search.
  template <executor E, class Source, class Tokens>
  static double check_finite(const E& exec, const Source& x, const Tokens& counted) {
    using value = detail::row_value<Source>;
    detail::first_row broken;
    double largest = static_cast<double>((std::numeric_limits<float>::max)());
    std::mutex joining;
    const auto cols = static_cast<std::size_t>(x.cols());
    detail::for_each_range(exec, counted.size(), cols, [&](std::size_t begin, std::size_t end) {
      detail::row_reader<Source> read(x);
      value here = 0;
      detail::with_finite_checks([&](auto loops) {
        for (std::size_t k = begin; k < end; ++k) {
          const std::size_t t = counted.place(k);
          if (!detail::row_is_finite(loops, x, read, t)) broken.note(t);
          if constexpr (std::is_same_v<value, double>)
            for (const double a : read(t)) here = (std::max)(here, std::abs(a));
        }
      });
      const std::lock_guard lock(joining);
      largest = (std::max)(largest, static_cast<double>(here));
    });
    if (!broken.any()) return largest;
    if (const auto at = detail::first_not_finite(x, broken.row(), broken.row() + 1))
      detail::raise<value_error>("gram: the activation of token ", at.row, ", feature ", at.column,
                                 " is ", at.value);
    return largest;
  }

  // Packs `count` of the tokens that count, from the one with number `first` on. Features are the
  // rows of the product, and a token is a column.
  template <executor E, class Source, class Tokens>
  static detail::packed_rows<double> packed_columns(const E& exec, const Source& x,
                                                    const Tokens& counted, std::size_t first,
                                                    std::size_t count) {
    return detail::pack_by_columns<double>(exec, static_cast<std::size_t>(x.cols()), count, [&] {
      return [&, read = detail::row_reader<Source>(x)](std::size_t k, double* to) mutable {
        const auto row = read(counted.place(first + k));
        const double factor = detail::square_root(counted.weight(first + k));
        detail::with_similar_rows(
            [&](auto rows) { rows.scale(row.data(), row.size(), factor, to); });
      };
    });
  }

  static constexpr std::size_t batch = detail::product_run;

  std::vector<double> sums_;
  std::uint64_t features_ = 0, count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
