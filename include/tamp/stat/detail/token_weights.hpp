#pragma once

/// @file
/// The tokens that count in a statistic, and their weights.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/number_range.hpp"
#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// All tokens of a batch, each with the weight 1.
class equal_tokens {
 public:
  static constexpr bool have_weights = false;

  explicit constexpr equal_tokens(std::size_t tokens) noexcept : tokens_(tokens) {}

  constexpr std::size_t size() const noexcept { return tokens_; }
  constexpr std::size_t place(std::size_t k) const noexcept { return k; }
  constexpr double weight(std::size_t) const noexcept { return 1.0; }
  constexpr const double* weights() const noexcept { return nullptr; }
  constexpr double total() const noexcept { return static_cast<double>(tokens_); }

 private:
  std::size_t tokens_;
};

/// The tokens of a batch with weights above 0, in their order. It refers to the weights. Memory:
/// one place for each of these tokens, or none if all tokens have weights above 0.
class weighted_tokens {
 public:
  static constexpr bool have_weights = true;

  /// @throws shape_error if there is not one weight for each token, or the weights lie at a null
  ///         pointer
  /// @throws value_error if a weight is negative or not finite
  weighted_tokens(std::string_view who, std::span<const double> weights, std::size_t tokens)
      : weights_(weights) {
    if (weights.size() != tokens)
      raise<shape_error>(who, ": the weights cover ", weights.size(), " tokens, there are ",
                         tokens);
    check_list(who, "weights", weights);
    for (std::size_t t = 0; t < tokens; ++t) {
      if (!is_nonnegative(weights[t]))
        raise<value_error>(who, ": the weight of token ", t, " is ", weights[t]);
      total_ += weights[t];
      if (weights[t] > 0) ++size_;
    }
    if (size_ == tokens) return;
    places_ = checked_array<std::size_t>(who, size_);
    for (std::size_t t = 0, k = 0; t < tokens; ++t)
      if (weights[t] > 0) places_[k++] = t;
  }

  /// The number of tokens with weights above 0.
  std::size_t size() const noexcept { return size_; }
  /// The place of the k-th of them among all tokens, and its weight.
  std::size_t place(std::size_t k) const noexcept { return places_.empty() ? k : places_[k]; }
  double weight(std::size_t k) const noexcept { return weights_[place(k)]; }
  /// The weights of all tokens.
  const double* weights() const noexcept { return weights_.data(); }
  /// The sum of the weights. It may be infinite.
  double total() const noexcept { return total_; }

 private:
  std::span<const double> weights_;
  std::vector<std::size_t> places_;
  std::size_t size_ = 0;
  double total_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
