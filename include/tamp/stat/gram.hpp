#pragma once

/// @file
/// Products of all pairs of input features, summed over the calibration tokens.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/finite.hpp"
#include "../detail/gram_product.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/simd/similar_rows.hpp"
#include "../error.hpp"
#include "../execute/standard.hpp"
#include "../tensor/rows.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// X^T X, summed over calls: what score::sparsegpt takes for the Hessian of a layer's error.
///
///     matrix(i, j) = sum over tokens t of X[t, i] * X[t, j]
///
/// X is (tokens, in_features). `count` is the number of calls with weight 1, as column_norm counts
/// sequences. Products are made and summed in double, 256 tokens at a time; the bits do not depend
/// on the executor, and another split into calls, or another order of merging, changes them by
/// rounding alone. Memory: one double a pair of features (134 MB for 4096), and 256 tokens.
///
/// Source: Frantar & Alistarh 2023, SparseGPT (arXiv 2301.00774).
class gram {
 public:
  static constexpr std::string_view label() { return "gram"; }

  gram() = default;

  /// Takes in one batch of activations; it may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before
  /// @throws value_error if an activation is not finite or the weight is 0; nothing is added then
  template <executor E, tensor X>
  gram& add(const E& exec, const X& activations, std::uint64_t weight = 1) {
    const detail::ieee_arithmetic as_usual;
    const auto& x = detail::source(activations);
    const auto tokens = static_cast<std::size_t>(x.rows());
    const auto features = static_cast<std::size_t>(x.cols());
    if (weight == 0)
      detail::raise<value_error>("gram: a batch of activations needs a weight above 0");
    check_features(features, "a batch of activations has ");
    check_finite(exec, x);
    sums_.resize(features * features, 0.0);
    features_ = features;
    for (std::size_t first = 0; first < tokens; first += batch)
      detail::add_upper_gram_product(
          exec, packed_columns(exec, x, first, (std::min)(batch, tokens - first)),
          std::span(sums_));
    detail::mirror_upper_triangle(exec, features, std::span(sums_));
    count_ += weight;
    tokens_ += tokens;
    return *this;
  }
  template <tensor X, executor E = execute::standard>
  gram& add(const X& activations, std::uint64_t weight = 1) {
    return add(E{}, activations, weight);
  }

  /// @throws shape_error if it covers another number of features
  gram& merge(const gram& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features_ == 0) return *this;
    check_features(other.features_, "the statistics to merge cover ");
    features_ = other.features_;
    sums_.resize(features_ * features_, 0.0);
    for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] += other.sums_[k];
    count_ += other.count_;
    tokens_ += other.tokens_;
    return *this;
  }

  std::size_t features() const noexcept { return features_; }
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t tokens() const noexcept { return tokens_; }
  /// (features, features), symmetrical.
  matrix_view<const double> matrix() const noexcept { return {sums_.data(), features_, features_}; }
  /// The sum of squares of each feature.
  std::vector<double> diagonal() const {
    std::vector<double> squares(features_);
    for (std::size_t j = 0; j < features_; ++j) squares[j] = sums_[j * (features_ + 1)];
    return squares;
  }

  /// For files: see stat::column_norm.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sums", self.sums_);
    visit("features", self.features_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// @throws value_error if what was read from a file cannot have been written there
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    if (features_ > 0xffffffffu || sums_.size() != features_ * features_)
      detail::raise<value_error>("gram: ", sums_.size(), " sums for ", features_, " features");
    for (std::size_t i = 0; i < features_; ++i)
      for (std::size_t j = 0; j < features_; ++j)
        if (!is_finite(sums_[i * features_ + j]) || (i == j && sums_[i * features_ + j] < 0))
          detail::raise<value_error>("gram: the sum for features ", i, " and ", j, " is ",
                                     sums_[i * features_ + j]);
  }

  friend bool operator==(const gram&, const gram&) = default;

 private:
  void check_features(std::size_t features, std::string_view who) const {
    if ((count_ != 0 || features_ != 0) && features != features_)
      detail::raise<shape_error>("gram: ", who, features, " features, the statistics cover ",
                                 features_);
  }

  template <executor E, class Source>
  static void check_finite(const E& exec, const Source& x) {
    detail::first_row broken;
    const auto rows = static_cast<std::size_t>(x.rows()), cols = static_cast<std::size_t>(x.cols());
    detail::for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
      detail::row_reader<Source> read(x);
      detail::with_kernels([&](auto kernels) {
        for (std::size_t t = begin; t < end; ++t)
          if (!detail::row_is_finite(kernels, x, read, t)) broken.note(t);
      });
    });
    if (!broken.any()) return;
    detail::row_reader<Source> read(x);
    const auto row = read(broken.row());
    for (std::size_t j = 0; j < row.size(); ++j)
      if (!is_finite(row[j]))
        detail::raise<value_error>("gram: the activation of token ", broken.row(), ", feature ", j,
                                   " is ", row[j]);
  }

  // Tokens [first, first + count), whose features are the rows of the product: a token is a column.
  template <executor E, class Source>
  static detail::packed_rows<double> packed_columns(const E& exec, const Source& x,
                                                    std::size_t first, std::size_t count) {
    return detail::pack_by_columns<double>(exec, static_cast<std::size_t>(x.cols()), count, [&] {
      return [&, read = detail::row_reader<Source>(x)](std::size_t k, double* to) mutable {
        const auto row = read(first + k);
        detail::with_similar_rows([&](auto rows) { rows.scale(row.data(), row.size(), 1.0, to); });
      };
    });
  }

  static constexpr std::size_t batch = detail::product_run;

  std::vector<double> sums_;
  std::uint64_t features_ = 0, count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
