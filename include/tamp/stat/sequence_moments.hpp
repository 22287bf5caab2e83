#pragma once

/// @file
/// The sum of each input feature over a sequence and its variance within one, as means over
/// sequences.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/traits.hpp"
#include "column_variance.hpp"
#include "detail/check_features.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The sum of each feature of a layer's input over a sequence, and its variance within a sequence,
/// both as means over the sequences. refine::dsnot reads it.
///
///     sum(j)      = mean over calls of: sum over tokens t of X[t, j]
///     variance(j) = mean over calls of: sum over tokens t of (X[t, j] - m(j))^2 / N
///
/// X is (tokens, in_features), N the call's number of tokens and m(j) its mean. One call of `add`
/// with count 1 is one sequence; a call with another count has that weight in the means of
/// variances, and its sum is that of as many sequences. stat::column_variance, in contrast, is the
/// variance over the tokens of all calls.
///
/// With a weight w_t for each token, X[t, j] counts w_t times in sums, and N is the sum of the
/// weights. A token of weight 0 is no token: its activations are ignored, whatever they are, and
/// tokens() does not count it.
///
/// Deviations are taken from means of their own feature, in double, as by stat::column_variance.
/// The result is the same for any number of threads and any layout. Another order of combining
/// changes it by rounding alone. Memory: two doubles per feature, and six during a call.
///
/// Source: Zhang et al. 2024, DSnoT (arXiv 2310.08915), as its published code computes them
/// (zyxxmu/DSnoT).
class [[nodiscard]] sequence_moments : public tamp::detail::adds_anywhere<sequence_moments> {
 public:
  using tamp::detail::adds_anywhere<sequence_moments>::add;

  static constexpr std::string_view label() { return "sequence_moments"; }

  sequence_moments() = default;

  /// Adds one batch of activations, which may have no tokens.
  /// @throws shape_error if X has another number of features than the calls before, or memory
  ///         cannot hold them
  /// @throws value_error if an activation is not finite, the count is 0, a moment is not finite, or
  ///         a sum of counts does not fit into 64 bits; nothing is added then
  template <executor E, tensor_argument X>
  sequence_moments& add(const E& exec, const X& activations, std::uint64_t count = 1) {
    const detail::ieee_arithmetic as_usual;
    const auto tokens = static_cast<double>(detail::row_count(activations));
    column_variance one;
    one.add(exec, activations, count);
    add_moments(one, tokens, tokens, count);
    return *this;
  }
  /// Adds one batch of activations with a weight for each token.
  /// @throws shape_error as above, or if there is not one weight for each token
  /// @throws value_error as above, or if a weight is negative or not finite, or products of the
  ///         weights of two tokens do not fit into a double; nothing is added then
  template <executor E, tensor_argument X>
  sequence_moments& add(const E& exec, const X& activations, std::span<const double> weights,
                        std::uint64_t count = 1) {
    const detail::ieee_arithmetic as_usual;
    column_variance one;
    one.add(exec, activations, weights, count);
    double total = 0, squares = 0;
    for (const double weight : weights) total += weight, squares += weight * weight;
    add_moments(one, total, squares, count);
    return *this;
  }

  /// Adds the data of another accumulator, as if its batches had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if a moment or a count would be too large; nothing is combined then
  sequence_moments& combine(const sequence_moments& other) {
    const detail::ieee_arithmetic as_usual;
    if (other.count_ == 0 && other.features() == 0) return *this;
    check_features(other.features(), "the statistics to combine cover ");
    sequence_moments sum = other;
    add_to(sum);
    std::swap(*this, sum);
    return *this;
  }

  std::size_t features() const noexcept { return sums_.size(); }
  /// The sum of the counts: the number of sequences, unless the caller counted otherwise.
  std::uint64_t count() const noexcept { return count_; }
  /// The number of tokens added, without those of weight 0.
  std::uint64_t tokens() const noexcept { return tokens_; }

  /// Returns the sum of each feature over a sequence; all are zero while count() is 0.
  [[nodiscard]] std::vector<double> sums() const { return means_of(sums_); }
  /// Returns the variance of each feature within a sequence; all are zero while count() is 0.
  [[nodiscard]] std::vector<double> variances() const { return means_of(variances_); }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sums", self.sums_);
    visit("variances", self.variances_);
    visit("count", self.count_);
    visit("tokens", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    if (sums_.size() != variances_.size())
      detail::raise<value_error>("sequence_moments: ", sums_.size(), " sums and ",
                                 variances_.size(), " variances");
    for (std::size_t j = 0; j < features(); ++j)
      if (!is_finite(sums_[j]) || !detail::is_nonnegative(variances_[j])) refuse(j);
  }

  friend bool operator==(const sequence_moments&, const sequence_moments&) = default;

 private:
  void check_features(std::size_t features, std::string_view what) const {
    if (count_ != 0 || !sums_.empty())
      detail::check_features(label(), what, features, sums_.size());
  }

  // `one` has the sample variance of a call: its divisor is that of the variance of all tokens
  // times 1 - squares / total^2.
  void add_moments(const column_variance& one, double total, double squares, std::uint64_t count) {
    check_features(one.features(), "a batch of activations has ");
    sequence_moments sum;
    sum.sums_ = one.means();
    sum.variances_ = one.variances();
    const double share = total == 0 ? 0.0 : (std::max)(0.0, 1 - squares / total / total);
    for (double& mean : sum.sums_) mean *= total;
    for (double& variance : sum.variances_) variance *= share * static_cast<double>(count);
    sum.count_ = count;
    sum.tokens_ = one.tokens();
    add_to(sum);
    std::swap(*this, sum);
  }

  // Adds these moments to those of a later call, of the same number of features.
  void add_to(sequence_moments& later) const {
    later.count_ = detail::checked_sum<value_error>(label(), count_, later.count_);
    later.tokens_ = detail::checked_sum<value_error>(label(), tokens_, later.tokens_);
    for (std::size_t j = 0; j < features(); ++j) {
      later.sums_[j] += sums_[j];
      later.variances_[j] += variances_[j];
    }
    for (std::size_t j = 0; j < later.features(); ++j)
      if (!is_finite(later.sums_[j]) || !is_finite(later.variances_[j])) refuse(j);
  }

  [[noreturn]] static void refuse(std::size_t feature) {
    detail::raise<value_error>("sequence_moments: the numbers of feature ", feature,
                               " are too large: their sum or their variance is not finite");
  }

  std::vector<double> means_of(const std::vector<double>& totals) const {
    const detail::ieee_arithmetic as_usual;
    std::vector<double> means = totals;
    if (count_ != 0)
      for (double& mean : means) mean /= static_cast<double>(count_);
    return means;
  }

  std::vector<double> sums_, variances_;
  std::uint64_t count_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
