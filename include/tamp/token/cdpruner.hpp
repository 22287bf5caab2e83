#pragma once

/// @file
/// CDPruner: diverse tokens that are relevant to the question.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/row_products.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that are most diverse given the question: the greedy most likely set of
/// a conditional determinantal point process.
///
/// Use it in place of token::divprune if the host knows the question. With the relevance q of the
/// context (if the host gives none, the cosine of a token's hidden state and the mean hidden state
/// of the text), over the candidates:
///
///     r(t)    = (q(t) - min q) / (max q - min q), or 1 if all are equal or there is no text
///     L(s, t) = r(s) cos(hidden_s, hidden_t) r(t)
///     take, one after another, the token that raises det L(taken, taken) most
///
/// A factor of L over the tokens taken is updated (Chen et al. 2018, arXiv 1709.05135), so that det
/// is never computed. When no token raises det (gains below 1e-10), the most relevant tokens fill
/// the count. This happens when the rank of the hidden states is exhausted, when tokens are equal,
/// or when only irrelevant tokens are left. Ties: the lower index is dropped first. A token of
/// length zero is similar to none, and adds nothing.
///
/// The published code takes q from the two towers of CLIP and reverses its sign. Relevances of the
/// context must be larger for tokens that matter more. The cost is count n products of d numbers
/// and count^2 n / 2 more. Memory: count n numbers.
/// Source: Zhang et al. 2025, CDPruner (arXiv 2506.10967), and its published code.
struct cdpruner {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden;

  std::string label() const { return "cdpruner"; }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    constexpr double no_gain = 1e-10;  // above rounding errors of gains that start at 1
    const detail::row_products hidden(c.hidden);
    const std::size_t n = candidates.size();
    const std::vector<double> relevance = normalised_relevance(c, candidates);
    std::vector<double> gains(n);  // factor by which a token would multiply the determinant
    for (std::size_t t = 0; t < n; ++t)
      gains[t] = hidden.is_zero(candidates[t]) ? 0 : relevance[t] * relevance[t];

    std::vector<std::size_t> chosen;
    std::vector<double> factor(count * n);  // row k: of the k-th token taken, for all tokens
    std::vector<char> taken(n, 0);
    while (chosen.size() < count) {
      std::size_t next = n;
      for (std::size_t t = 0; t < n; ++t)
        if (!taken[t] && (next == n || gains[t] >= gains[next])) next = t;
      if (!(gains[next] > no_gain)) break;
      taken[next] = 1;
      double* row = factor.data() + chosen.size() * n;
      for (std::size_t t = 0; t < n; ++t)
        if (!taken[t])
          row[t] = relevance[next] * hidden.cosine(candidates[next], candidates[t]) * relevance[t];
      detail::with_similar_rows([&](auto rows) {
        for (std::size_t k = 0; k < chosen.size(); ++k) {
          const double* before = factor.data() + k * n;
          rows.add_scaled(before, n, -before[next], row);
        }
      });
      const double length = std::sqrt(gains[next]);
      for (std::size_t t = 0; t < n; ++t) {
        row[t] /= length;
        gains[t] -= row[t] * row[t];
      }
      chosen.push_back(candidates[next]);
    }

    std::vector<std::size_t> rest;
    std::vector<double> scores;
    for (std::size_t t = 0; t < n; ++t)
      if (!taken[t]) {
        rest.push_back(candidates[t]);
        scores.push_back(relevance[t]);
      }
    for (const std::size_t t : detail::highest_scoring<double>(rest, scores, count - chosen.size()))
      chosen.push_back(t);
    return chosen;
  }

  /// Returns r of the candidates, in their order.
  static std::vector<double> normalised_relevance(const context& c,
                                                  std::span<const std::size_t> candidates) {
    std::vector<double> relevance(candidates.size());
    if (c.relevance.empty()) {
      relevance = likeness_to_text(c, candidates);
    } else {
      for (std::size_t k = 0; k < relevance.size(); ++k)
        relevance[k] = static_cast<double>(c.relevance[candidates[k]]);
    }
    const auto [smallest, largest] = std::minmax_element(relevance.begin(), relevance.end());
    const double least = *smallest, range = *largest - least;
    for (double& r : relevance) r = range == 0 ? 1.0 : (r - least) / range;
    return relevance;
  }

  friend bool operator==(const cdpruner&, const cdpruner&) = default;

 private:
  // Returns the cosines of the candidates and the mean of the text, or zeros if there is no text.
  // The length of the mean is left out, since normalising the range cancels it.
  static std::vector<double> likeness_to_text(const context& c,
                                              std::span<const std::size_t> candidates) {
    std::vector<double> text(c.hidden.cols()), likeness;
    for (std::size_t t = 0; t < c.tokens(); ++t)
      for (std::size_t j = 0; j < text.size() && !c.is_visual(t); ++j)
        text[j] += static_cast<double>(c.hidden(t, j));
    for (const std::size_t t : candidates) {
      double product = 0, squared = 0;
      for (std::size_t j = 0; j < text.size(); ++j) {
        const auto h = static_cast<double>(c.hidden(t, j));
        product += h * text[j];
        squared += h * h;
      }
      likeness.push_back(squared == 0 ? 0 : product / std::sqrt(squared));
    }
    return likeness;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
