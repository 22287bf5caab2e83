#pragma once

/// @file
/// The diversity of a layer's output tokens, within and across modalities.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../model/layer_sample.hpp"
#include "../model/observable.hpp"
#include "detail/token_similarity.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The mean cosine similarity of a layer's output tokens, within each modality and across each
/// pair.
///
///     density(a, a) = mean of the positive cos(y_s, y_t), s < t both of modality a
///     density(a, b) = mean of all cos(y_s, y_t), s of modality a, t of b
///     importance    = | sum over a <= b of (1 - mean over samples of density(a, b)) |
///
/// A token of length zero is similar to no other (cosine 0). A pair within a modality needs two
/// tokens. The density is 0 where there is no pair, or no positive one. With image and text the
/// importance is the published sum of three terms. In general k modalities give k terms within, and
/// k (k - 1) / 2 across. The sum is over the modalities that any sample had, and always over at
/// least two, so that samples of text alone have the published value, too.
///
/// With a weight w_t for each token, a pair counts w_s w_t times:
///
///     density(a, a) = sum of w_s w_t cos(y_s, y_t) / sum of w_s w_t, over the same positive pairs
///     density(a, b) = sum of w_s w_t cos(y_s, y_t) / sum of w_s w_t, over the same pairs
///
/// A common factor of the weights of a modality makes no difference, however large or small. A
/// token of weight 0 is no token: its output is ignored, whatever it is, and tokens() does not
/// count it. Weights of 1 and 0 give the bits of the rows of weight 1 alone.
///
/// A sample of N tokens of d features takes N (N + d) numbers of memory during `add`. The statistic
/// keeps one sum for each pair of modalities. The bits do not depend on the executor.
///
/// Source: Lee et al. 2025, TAMP (arXiv 2504.09897), section on diversity-aware sparsity.
class [[nodiscard]] token_diversity : public tamp::detail::adds_anywhere<token_diversity> {
 public:
  using tamp::detail::adds_anywhere<token_diversity>::add;

  static constexpr observable reads = observable::output | observable::modality;
  static constexpr std::string_view label() { return "token_diversity"; }

  token_diversity() : sums_(pairs, 0.0), kinds_seen_(modalities, 0) {}

  /// Adds one sample's outputs, (tokens, out_features). `kinds` has one modality per token, or is
  /// empty if all are text.
  /// @throws shape_error if the modalities do not cover the tokens
  /// @throws value_error if an output is not finite, or a modality is not below 8; nothing is added
  ///         then
  template <executor E, tensor_argument Y>
  token_diversity& add(const E& exec, const Y& output, std::span<const modality> kinds = {}) {
    const detail::ieee_arithmetic as_usual;
    return detail::with_source(output, [&](const auto& y) -> token_diversity& {
      return add_sample(exec, detail::token_similarity(exec, y, kinds, label()));
    });
  }
  /// Adds one sample's outputs with a weight for each token.
  /// @throws shape_error as above, or if there is not one weight for each token
  /// @throws value_error as above, or if a weight is negative or not finite; nothing is added then
  template <executor E, tensor_argument Y>
  token_diversity& add(const E& exec, const Y& output, std::span<const modality> kinds,
                       std::span<const double> weights) {
    const detail::ieee_arithmetic as_usual;
    return detail::with_source(output, [&](const auto& y) -> token_diversity& {
      return add_sample(exec, detail::token_similarity(exec, y, kinds, weights, label()));
    });
  }
  template <executor E, tensor_argument X, tensor_argument Y>
  token_diversity& add(const E& exec, const layer_sample<X, Y>& sample) {
    return add(exec, sample.output, sample.kinds);
  }
  template <executor E, tensor_argument X, tensor_argument Y>
  token_diversity& add(const E& exec, const layer_sample<X, Y>& sample,
                       std::span<const double> weights) {
    return add(exec, sample.output, sample.kinds, weights);
  }

  /// Adds the data of another accumulator, as if its samples had been added here.
  /// @throws value_error if a sum or a count would be too large; nothing is combined then
  token_diversity& combine(const token_diversity& other) {
    const detail::ieee_arithmetic as_usual;
    const std::uint64_t samples =
        detail::checked_sum<value_error>(label(), samples_, other.samples_);
    const std::uint64_t tokens = detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    for (std::size_t k = 0; k < pairs; ++k) check_sum(sums_[k] + other.sums_[k]);
    for (std::size_t k = 0; k < modalities; ++k) check_sum(kinds_seen_[k] + other.kinds_seen_[k]);
    for (std::size_t k = 0; k < pairs; ++k) sums_[k] += other.sums_[k];
    for (std::size_t k = 0; k < modalities; ++k) kinds_seen_[k] += other.kinds_seen_[k];
    samples_ = samples;
    tokens_ = tokens;
    return *this;
  }

  /// The numbers of tokens, without those of weight 0, and of samples added.
  std::uint64_t tokens() const noexcept { return tokens_; }
  std::uint64_t samples() const noexcept { return samples_; }
  /// Returns true if any sample had a token of this kind.
  [[nodiscard]] bool has(modality kind) const {
    return static_cast<std::size_t>(kind) < modalities &&
           kinds_seen_[static_cast<std::size_t>(kind)] != 0;
  }

  /// Returns the mean over samples of the density within a modality, or across two; 0 without
  /// samples.
  /// @throws value_error if a modality is not below 8
  [[nodiscard]] double density(modality a, modality b) const {
    const detail::ieee_arithmetic as_usual;
    for (const auto kind : {static_cast<std::size_t>(a), static_cast<std::size_t>(b)})
      if (kind >= modalities)
        detail::raise<value_error>("token_diversity: there is no density of modality ", kind,
                                   "; there are ", modalities);
    const std::size_t k =
        detail::pair_index(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
    return samples_ == 0 ? 0.0 : sums_[k] / static_cast<double>(samples_);
  }

  /// Returns the diversity by which DAS distributes weights; 0 without samples.
  [[nodiscard]] double importance() const {
    const detail::ieee_arithmetic as_usual;
    if (samples_ == 0) return 0.0;
    std::size_t known = 0;
    double sum = 0;
    for (std::size_t k = 0; k < modalities; ++k) known += kinds_seen_[k] != 0;
    for (std::size_t k = 0; k < pairs; ++k) sum += sums_[k] / static_cast<double>(samples_);
    const auto counted = static_cast<double>((std::max)(known, std::size_t{2}));
    return std::abs(counted * (counted + 1) / 2 - sum);
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sums", self.sums_);
    visit("kinds", self.kinds_seen_);
    visit("samples", self.samples_);
    visit("tokens", self.tokens_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    if (sums_.size() != pairs || kinds_seen_.size() != modalities)
      detail::raise<value_error>("token_diversity: ", sums_.size(), " sums for ",
                                 kinds_seen_.size(), " kinds of tokens");
    for (const double sum : sums_) check_sum(sum);
    for (const double count : kinds_seen_) check_sum(count);
  }

  friend bool operator==(const token_diversity&, const token_diversity&) = default;

 private:
  template <executor E, class Similarity>
  token_diversity& add_sample(const E& exec, const Similarity& similar) {
    const detail::token_densities densities = similar.densities(exec);
    const std::uint64_t samples = detail::checked_sum<value_error>(label(), samples_, 1);
    const std::uint64_t tokens =
        detail::checked_sum<value_error>(label(), tokens_, similar.tokens());
    for (std::size_t k = 0; k < pairs; ++k) sums_[k] += densities.of_pair[k];
    for (std::size_t k = 0; k < modalities; ++k) kinds_seen_[k] += densities.tokens[k];
    samples_ = samples;
    tokens_ = tokens;
    return *this;
  }

  static void check_sum(double sum) {
    if (!is_finite(sum)) detail::raise<value_error>("token_diversity: a sum is ", sum);
  }

  static constexpr std::size_t modalities = detail::modality_kinds, pairs = detail::modality_pairs;

  std::vector<double> sums_;        // of densities, by pair_index
  std::vector<double> kinds_seen_;  // tokens of each kind
  std::uint64_t samples_ = 0, tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
