#pragma once

/// @file
/// SparseVLM: selection by the attention of the words that relate to the image.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../role.hpp"
#include "detail/attention_rows.hpp"
#include "detail/highest_scoring.hpp"
#include "detail/row_products.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// Keeps the visual tokens that the text attends to most, counting only the text tokens that relate
/// to the image: the raters.
///
/// Use it where the question is long, and much of it does not concern the image. With h the hidden
/// states, v the visual tokens of the sequence and s, t the text after the last of them:
///
///     relevance(t) = mean over v of exp(h_v h_t) / sum over s of exp(h_v h_s)
///     raters       = the t whose relevance is above the mean of all t
///     score(v)     = mean over heads and raters of A(head, rater, v)
///
/// If no relevance is above the mean, as with a single text token, all text tokens rate. If no text
/// follows the image, the last token rates. Ties: the lower index is dropped first.
///
/// The published code finds the raters once, from the input of the first layer, and uses them in
/// all layers. A host can do the same by showing those hidden states. The host decides how many
/// tokens a layer keeps: token::sparsevlm_schedule has the published counts. The published code
/// never keeps all tokens of an image: it drops at least one. This policy is the rating alone.
/// token::sparsevlm_recycling also makes new tokens of dropped ones.
/// Memory: n d floats for hidden states of visual tokens and raters that are not read in place.
/// Source: Zhang et al. 2024, SparseVLM (arXiv 2410.04417), and its published code.
/// @see token::sparsevlm_recycling, token::sparsevlm_schedule
struct sparsevlm {
  using role = tamp::role::token;
  static constexpr observable reads = observable::text_queries | observable::hidden;
  static constexpr tokens_read read_tokens(const context&) noexcept {
    return {.hidden = token_set::visual | token_set::text_after,
            .keys = token_set::none,
            .attention = token_set::visual,
            .relevance = token_set::none};
  }

  std::string label() const { return "sparsevlm"; }

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return detail::highest_scoring<double>(candidates, scores(c, candidates, raters(c)), count);
  }

  /// Returns the score of each candidate, times heads and raters. The attention of the raters must
  /// be present.
  static std::vector<double> scores(const context& c, std::span<const std::size_t> candidates,
                                    std::span<const std::size_t> raters) {
    std::vector<double> sums(c.tokens());
    std::vector<float> buffer;
    for (const std::size_t rater : raters)
      for (std::size_t head = 0; head < c.attention.heads(); ++head)
        detail::add_row(c.attention.row(head, rater, buffer), sums);
    return detail::of_tokens(sums, candidates);
  }

  /// Returns the raters, ascending. The context must have a visual token.
  static std::vector<std::size_t> raters(const context& c) {
    const std::size_t begin = (std::min)(c.text_begin(), c.tokens() - 1);
    const std::size_t words = c.tokens() - begin;
    const std::vector<std::size_t> visual = c.visual();
    std::vector<std::size_t> read = visual;
    for (std::size_t w = 0; w < words; ++w) read.push_back(begin + w);
    const detail::row_products hidden(c.hidden, read);
    std::vector<double> relevance(words), weights(words);
    for (const std::size_t v : visual) {
      for (std::size_t w = 0; w < words; ++w) weights[w] = hidden.dot(v, begin + w);
      const double largest = *std::max_element(weights.begin(), weights.end());
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (std::size_t w = 0; w < words; ++w) relevance[w] += weights[w] / sum;
    }
    double mean = 0;
    for (const double r : relevance) mean += r / static_cast<double>(words);
    std::vector<std::size_t> above, all;
    for (std::size_t w = 0; w < words; ++w) {
      all.push_back(begin + w);
      if (relevance[w] > mean) above.push_back(begin + w);
    }
    return above.empty() ? all : above;
  }

  friend bool operator==(const sparsevlm&, const sparsevlm&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::token
