#pragma once

/// @file
/// The cosine similarities of all pairs of a sample's tokens.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/large_array.hpp"
#include "../../error.hpp"
#include "../../execute/detail/for_each_strip.hpp"
#include "../../execute/executor.hpp"
#include "../../model/modality.hpp"
#include "../../simd/gram_product.hpp"
#include "../../simd/similar_rows.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/rows.hpp"
#include "token_weights.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

inline constexpr std::size_t modality_kinds = 8;
inline constexpr std::size_t modality_pairs = modality_kinds * (modality_kinds + 1) / 2;

/// Returns the index of a pair of modalities, in either order, in a table of all pairs.
constexpr std::size_t pair_index(std::size_t a, std::size_t b) noexcept {
  if (a > b) std::swap(a, b);
  return b * (b + 1) / 2 + a;
}

/// The mean similarities within and across the modalities of one sample.
struct token_densities {
  std::array<double, modality_pairs> of_pair{};
  std::array<double, modality_kinds> tokens{};

  /// Returns the mean over all pairs of the modalities present, which count as two at least.
  double mean() const noexcept {
    double sum = 0, known = 0;
    for (const double density : of_pair) sum += density;
    for (const double count : tokens) known += count != 0 ? 1 : 0;
    const double counted = (std::max)(known, 2.0);
    return sum / (counted * (counted + 1) / 2);
  }
};

/// The tokens of one sample, (tokens, features), scaled to unit length, and the products of all
/// pairs. A token of length zero stays zero. Memory: tokens * (tokens + features) numbers.
///
/// Products of floats are made in float. Those near zero are made again in double, since their sign
/// decides if a pair counts. Sums over all pairs of two modalities, whose terms may cancel, are
/// made in double.
template <class Real>
class token_similarity {
 public:
  using real = Real;

  /// @throws shape_error if `kinds` is neither empty (all text) nor one per token, or memory cannot
  ///         hold the products
  /// @throws value_error if an output is not finite, or a kind is not below 8
  template <executor E, class Source>
  token_similarity(const E& exec, const Source& output, std::span<const modality> kinds,
                   std::string_view who)
      : token_similarity(exec, output, kinds, who,
                         [](std::size_t tokens) { return equal_tokens(tokens); }) {}
  /// The same of the tokens with weights above 0. The densities are weighted means.
  /// @throws shape_error as above, or if there is not one weight for each token
  /// @throws value_error as above, or if a weight is negative or not finite
  template <executor E, class Source>
  token_similarity(const E& exec, const Source& output, std::span<const modality> kinds,
                   std::span<const double> weights, std::string_view who)
      : token_similarity(exec, output, kinds, who, [&](std::size_t tokens) {
          return weighted_tokens(who, weights, tokens);
        }) {}

  /// The number of tokens, without those of weight 0.
  std::size_t tokens() const noexcept { return kinds_.size(); }
  /// The cosines of token t and every token.
  std::span<const Real> row(std::size_t t) const noexcept {
    return {products_.data() + t * tokens(), tokens()};
  }
  /// The squared lengths of the scaled tokens: 1, or 0 for one of length zero.
  std::span<const double> squared_lengths() const noexcept { return squared_lengths_; }

  template <executor E>
  token_densities densities(const E& exec) const {
    const std::size_t n = tokens();
    // Sums are made row by row and then in the order of the rows, for the same bits on any number
    // of threads.
    std::vector<counted_sum> rows(n);
    detail::for_each_range(exec, n, [&](std::size_t begin, std::size_t end) {
      with_similar_rows([&](auto similar) {
        for (std::size_t s = begin; s < end; ++s)
          rows[s] =
              weights_.empty()
                  ? similar.sum_of_positive(row(s).data() + s + 1, kinds_.data() + s + 1, kinds_[s],
                                            n - s - 1)
                  : similar.weighted_sum_of_positive(row(s).data() + s + 1, kinds_.data() + s + 1,
                                                     weights_.data() + s + 1, kinds_[s], n - s - 1);
      });
    });
    token_densities result;
    std::array<counted_sum, modality_kinds> within;
    std::array<double, modality_kinds> weights{};
    for (std::size_t s = 0; s < n; ++s) {
      result.tokens[kinds_[s]] += 1;
      weights[kinds_[s]] += weight(s);
      within[kinds_[s]].sum += weight(s) * rows[s].sum;
      within[kinds_[s]].count += weight(s) * rows[s].count;
    }
    for (std::size_t a = 0; a < modality_kinds; ++a) {
      if (within[a].count != 0) result.of_pair[pair_index(a, a)] = within[a].sum / within[a].count;
      for (std::size_t b = a + 1; b < modality_kinds; ++b)
        if (const double count = weights[a] * weights[b]; count != 0)
          result.of_pair[pair_index(a, b)] = across(a, b) / count;
    }
    return result;
  }

 private:
  template <class Source>
  static void check_products(std::size_t n, const Source& output, std::string_view who) {
    if (n == 0) return;
    checked_matrix(who, n, n, sizeof(Real));
    checked_matrix(who, n, static_cast<std::size_t>(output.cols()), sizeof(Real));
  }

  double weight(std::size_t k) const noexcept { return weights_.empty() ? 1.0 : weights_[k]; }

  // Densities do not depend on a common factor of the weights of a kind. That factor is made a
  // power of two that brings the largest weight into [1, 2), so that no product is infinite.
  void set_weights(const weighted_tokens& counted) {
    std::array<double, modality_kinds> largest{};
    for (std::size_t k = 0; k < kinds_.size(); ++k)
      largest[kinds_[k]] = (std::max)(largest[kinds_[k]], counted.weight(k));
    weights_.resize(kinds_.size());
    for (std::size_t k = 0; k < kinds_.size(); ++k)
      weights_[k] = std::scalbn(counted.weight(k), -std::ilogb(largest[kinds_[k]]));
  }

  template <executor E, class Source, class MakeTokens>
  token_similarity(const E& exec, const Source& output, std::span<const modality> kinds,
                   std::string_view who, const MakeTokens& make_tokens) {
    const auto all = static_cast<std::size_t>(output.rows());
    if (!kinds.empty() && kinds.size() != all)
      raise<shape_error>(who, ": the modalities cover ", kinds.size(), " tokens, the output has ",
                         all);
    check_list(who, "modalities", kinds);
    for (std::size_t t = 0; t < kinds.size(); ++t)
      if (static_cast<std::size_t>(kinds[t]) >= modality_kinds)
        raise<value_error>(who, ": token ", t, " is of modality ",
                           static_cast<std::size_t>(kinds[t]), "; there are ", modality_kinds);
    const auto counted = make_tokens(all);
    const std::size_t n = counted.size();
    check_products(n, output, who);
    kinds_.resize(n);
    scale_.resize(n);
    squared_lengths_.resize(n);
    if (!kinds.empty())
      for (std::size_t k = 0; k < n; ++k)
        kinds_[k] = static_cast<std::size_t>(kinds[counted.place(k)]);
    if constexpr (decltype(counted)::have_weights) set_weights(counted);
    if (n == 0) return;
    const packed_rows<Real> unit = scaled_tokens(exec, output, counted, who);
    products_ = large_array<Real>(n * n);
    for_each_gram_block(exec, unit, [&](const product_block<Real>& block) {
      for (std::size_t s = block.top; s < block.bottom; ++s) {
        const std::span<const Real> products = block.row(s);
        std::copy(products.begin(), products.end(), products_.data() + s * n + block.begin(s));
      }
    });
    if constexpr (!std::is_same_v<Real, double>) renew_near_zero(exec, output, counted);
    mirror_upper_triangle(exec, n, std::span(products_.data(), n * n));
    sum_each_kind(exec, output, counted);
  }

  template <executor E, class Source, class Tokens>
  packed_rows<Real> scaled_tokens(const E& exec, const Source& output, const Tokens& counted,
                                  std::string_view who) {
    first_row broken;
    auto unit = pack_by_rows<Real>(exec, tokens(), static_cast<std::size_t>(output.cols()), [&] {
      return [&, read = row_reader<Source>(output)](std::size_t k, Real* to) mutable {
        if (!scale(read(counted.place(k)), k, to)) broken.note(counted.place(k));
      };
    });
    if (broken.any()) refuse(output, broken.row(), who);
    return unit;
  }

  // Returns false if the token is not finite.
  template <class Row>
  bool scale(Row row, std::size_t t, Real* unit) {
    return with_similar_rows([&](auto similar) {
      const double squares = similar.dot(row.data(), row.data(), row.size());
      if (!is_finite(squares)) return false;
      scale_[t] = squares == 0 ? 0.0 : 1 / std::sqrt(squares);
      squared_lengths_[t] = squares == 0 ? 0.0 : 1.0;
      similar.scale(row.data(), row.size(), scale_[t], unit);
      return true;
    });
  }

  // Makes products near zero again in double, above the diagonal.
  template <executor E, class Source, class Tokens>
  void renew_near_zero(const E& exec, const Source& output, const Tokens& counted) {
    constexpr Real near_zero = 1e-6f;  // above the error of a product of unit vectors in float
    const std::size_t n = tokens();
    detail::for_each_range(exec, n, [&](std::size_t begin, std::size_t end) {
      row_reader<Source> read_left(output), read_right(output);
      with_similar_rows([&](auto similar) {
        for (std::size_t s = begin; s < end; ++s) {
          if (scale_[s] == 0) continue;
          Real* const products = products_.data() + s * n;
          for (std::size_t t = s;
               (t = similar.next_near_zero(products, t + 1, n, near_zero)) < n;) {
            if (scale_[t] == 0) continue;
            const auto left = read_left(counted.place(s)), right = read_right(counted.place(t));
            const double product = similar.dot(left.data(), right.data(), left.size());
            products[t] = static_cast<Real>(product * scale_[s] * scale_[t]);
          }
        }
      });
    });
  }

  // Sums the scaled tokens of each kind, times their weights. Sums of products across kinds are
  // products of these sums.
  template <executor E, class Source, class Tokens>
  void sum_each_kind(const E& exec, const Source& output, const Tokens& counted) {
    const auto features = static_cast<std::size_t>(output.cols());
    for (const std::size_t kind : kinds_) sums_[kind].resize(features);
    constexpr std::size_t strip = 512;  // columns, whose sums stay in the nearest cache
    detail::for_each_strip(
        exec, features, strip, tokens(), [&](std::size_t first, std::size_t past) {
          row_reader<Source> read(output);
          with_similar_rows([&](auto similar) {
            for (std::size_t t = 0; t < tokens(); ++t)
              similar.add_scaled(read(counted.place(t)).data() + first, past - first,
                                 scale_[t] * weight(t), sums_[kinds_[t]].data() + first);
          });
        });
  }
  double across(std::size_t a, std::size_t b) const noexcept {
    double product = 0;
    for (std::size_t j = 0; j < sums_[a].size(); ++j) product += sums_[a][j] * sums_[b][j];
    return product;
  }

  template <class Source>
  [[noreturn]] static void refuse(const Source& output, std::size_t t, std::string_view who) {
    if (const auto at = first_not_finite(output, t, t + 1))
      raise<value_error>(who, ": the output of token ", t, ", feature ", at.column, " is ",
                         at.value);
    raise<value_error>(who, ": the output of token ", t,
                       " is too large for its length to be found");
  }

  std::vector<std::uint64_t> kinds_;
  std::vector<double> scale_;  // to unit length; 0 for a token of length zero
  std::vector<double> squared_lengths_;
  std::vector<double> weights_;  // empty: all are 1
  large_array<Real> products_;
  std::array<std::vector<double>, modality_kinds> sums_;
};

template <executor E, class Source>
token_similarity(const E&, const Source&, std::span<const modality>, std::string_view)
    -> token_similarity<row_value<Source>>;
template <executor E, class Source>
token_similarity(const E&, const Source&, std::span<const modality>, std::span<const double>,
                 std::string_view) -> token_similarity<row_value<Source>>;

}  // namespace tamp::inline TAMP_FLAGS::detail
