#pragma once

/// @file
/// CDPruner: diverse tokens that are relevant to the question.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "detail/cosine_rows.hpp"
#include "detail/token_rows.hpp"
#include "select.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The tokens over which cdpruner shifts and scales relevances to [0, 1].
enum class relevance_scale : std::uint8_t {
  over_all,    ///< all visual tokens of the context: all tiles of an image together
  over_group,  ///< the tokens that are chosen from together: those of one tile or half
  as_given,    ///< none: the relevances of the host are used as they are
};

/// The form in which cdpruner weights similarities by relevance, between theta = 0 and 1.
enum class relevance_form : std::uint8_t {
  exponential,  ///< each token by exp(alpha r), alpha = theta / (2 (1 - theta))
  mixed,        ///< (1 - theta) of the similarities, and theta of those weighted by r
};

/// Keeps the visual tokens that are most diverse given the question: the greedy most likely set of
/// a conditional determinantal point process.
///
/// Use it in place of token::divprune if the host knows the question. With the relevance q of the
/// context (if the host gives none, the mean over the text of the cosines of the hidden states of a
/// token and a word), over the candidates:
///
///     r(t)    = (q(t) - min q + 1e-6) / (max q - min q), or 1 if all are equal or there is no text
///     L(s, t) = r(s) cos(hidden_s, hidden_t) r(t)
///     take, one after another, the token that raises det L(taken, taken) most
///
/// min and max are over all visual tokens of the context, as the published code has it for the
/// tiles of an image; see `scale`. With theta < 1 the relevance counts less, and with 0 nothing:
///
///     exponential:  w(s) cos(hidden_s, hidden_t) w(t), w = exp(theta / (2 (1 - theta)) r)
///     mixed:        cos(hidden_s, hidden_t) (1 - theta + theta r(s) r(t))
///
/// With `by_image` each image (a tile, if context.images numbers the tiles) is chosen from alone,
/// and with `in_halves` each half of these. A tile gets its share of the count by its number of
/// tokens, floor(count end / n) - floor(count begin / n) for the candidates begin ... end of n; of
/// n tokens and count k of a tile or image, the first floor(n / 2) and floor(k / 2) are the first
/// half.
///
/// A factor of L over the tokens taken is updated (Chen et al. 2018, arXiv 1709.05135), so that det
/// is never computed. When no token raises det (gains below 1e-10 of what a token gains alone), the
/// most relevant tokens fill the count. This happens when the rank of the hidden states is
/// exhausted, or when tokens are equal. The least relevant token still has r > 0, and irrelevant
/// tokens are chosen by their diversity, as published. Ties: the lower index is chosen, as
/// published. A token of length zero is similar to none, and adds nothing.
///
/// The published code takes q from the two towers of CLIP and reverses its sign. Relevances of the
/// context must be larger for tokens that matter more. OpenVINO GenAI has theta = 0.5, mixed, and
/// each half of each image with a scale of its own: {.theta = 0.5, .form = relevance_form::mixed,
/// .scale = relevance_scale::over_group, .by_image = true, .in_halves = true}. It falls back to the
/// exponential form. The cost is count n products of d numbers, or for counts from n / 16 on the
/// products of all pairs, and count^2 n / 2 more. Memory: count n numbers, and n (n + d) or n d floats
/// for hidden states that are not read in place.
/// Source: Zhang et al. 2025, CDPruner (arXiv 2506.10967), and its published code.
struct cdpruner {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden;
  static constexpr tokens_read read_tokens(const context& c) noexcept {
    const token_set text = token_set::text_before | token_set::text_after;
    return {.hidden = token_set::visual | (c.relevance.empty() ? text : token_set::none),
            .keys = token_set::none,
            .attention = token_set::none,
            .relevance = token_set::visual};
  }

  double theta = 1;  ///< in [0, 1]; as published 1, with which both forms are the same
  relevance_form form = relevance_form::exponential;
  relevance_scale scale = relevance_scale::over_all;
  bool by_image = false;   ///< chooses from each image alone
  bool in_halves = false;  ///< chooses from each half alone

  std::string label() const {
    std::string text = "cdpruner";
    if (theta != 1)
      text += detail::sentence(' ', theta, form == relevance_form::mixed ? " mixed" : "");
    if (scale != relevance_scale::over_all)
      text += scale == relevance_scale::as_given ? " as given" : " over group";
    if (by_image) text += " by image";
    if (in_halves) text += " in halves";
    return text;
  }

  /// Returns the tokens that stay.
  /// @throws value_error if theta is not in [0, 1], there is no such form or scale, or a relevance
  ///         that is used as it is given is negative in a form that multiplies by it
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    if (!detail::is_fraction(theta))
      detail::raise<value_error>(label(), ": theta lies in [0, 1], and is ", theta);
    if (form > relevance_form::mixed)
      detail::raise<value_error>("cdpruner: there is no form of number ", static_cast<int>(form));
    if (scale > relevance_scale::as_given)
      detail::raise<value_error>("cdpruner: there is no scale of number ", static_cast<int>(scale));
    const std::vector<double> r = relevances(c);
    std::vector<std::size_t> chosen;
    const auto take = [&](std::span<const std::size_t> group, std::size_t share) {
      const std::vector<std::size_t> taken = greedy(c.hidden, group, r, share);
      chosen.insert(chosen.end(), taken.begin(), taken.end());
    };
    const auto take_in_parts = [&](std::span<const std::size_t> image, std::size_t share) {
      const std::size_t half = in_halves ? image.size() / 2 : 0;
      take(image.first(half), half == 0 ? 0 : share / 2);
      take(image.subspan(half), half == 0 ? share : share - share / 2);
    };
    if (by_image) {
      std::size_t begin = 0, taken = 0;
      for (const std::vector<std::size_t>& image : detail::by_image(c, candidates)) {
        begin += image.size();
        const std::size_t before =
            detail::checked_product(label(), count, begin) / candidates.size();
        take_in_parts(image, before - taken);
        taken = before;
      }
    } else {
      take_in_parts(candidates, count);
    }
    return chosen;
  }

  friend bool operator==(const cdpruner&, const cdpruner&) = default;

 private:
  // Returns the relevance q of each visual token of the context, (tokens,), scaled to r if all
  // tokens are scaled together.
  std::vector<double> relevances(const context& c) const {
    const std::vector<std::size_t> visual = c.visual();
    std::vector<double> q(c.tokens());
    if (c.relevance.empty()) {
      add_likeness_to_text(c, visual, q);
    } else {
      for (const std::size_t t : visual) q[t] = static_cast<double>(c.relevance[t]);
    }
    if (scale == relevance_scale::over_all) rescale(visual, q);
    const bool multiplies = theta == 1 || (form == relevance_form::mixed && theta != 0);
    for (const std::size_t t : visual)
      if (scale == relevance_scale::as_given && multiplies && q[t] < 0)
        detail::raise<value_error>(label(), ": the relevance of token ", t, " is ", q[t],
                                   ", and relevances that are used as given are not negative");
    return q;
  }

  // Turns q of some tokens into r.
  static void rescale(std::span<const std::size_t> tokens, std::vector<double>& q) {
    if (tokens.empty()) return;
    double least = q[tokens.front()], most = least;
    for (const std::size_t t : tokens) {
      least = (std::min)(least, q[t]);
      most = (std::max)(most, q[t]);
    }
    for (const std::size_t t : tokens)
      q[t] = most == least ? 1.0 : (q[t] - least + 1e-6) / (most - least);
  }

  // Adds the mean over all text of the cosines of hidden states, if there is any text.
  static void add_likeness_to_text(const context& c, std::span<const std::size_t> visual,
                                   std::vector<double>& q) {
    std::vector<double> text(c.hidden.cols());
    detail::row_reader read(c.hidden);
    const auto add_unit = [&](std::size_t t, auto&& use) {
      const std::span<const float> row = read(t);
      double squared = 0;
      for (const float h : row) squared += static_cast<double>(h) * static_cast<double>(h);
      const double length = std::sqrt(squared);
      for (std::size_t j = 0; j < row.size() && length != 0; ++j)
        use(j, static_cast<double>(row[j]) / length);
    };
    const auto words = static_cast<double>(c.tokens() - visual.size());
    for (std::size_t t = 0; t < c.tokens(); ++t)
      if (!c.is_visual(t)) add_unit(t, [&](std::size_t j, double h) { text[j] += h / words; });
    for (const std::size_t t : visual)
      add_unit(t, [&](std::size_t j, double h) { q[t] += h * text[j]; });
  }

  // Returns `count` tokens of a group, given the relevances of all tokens.
  std::vector<std::size_t> greedy(const rows_view& hidden, std::span<const std::size_t> group,
                                  std::vector<double> relevance, std::size_t count) const {
    if (scale == relevance_scale::over_group) rescale(group, relevance);
    const std::size_t n = group.size();
    detail::cosine_rows cosines("cdpruner", hidden, group, count);
    const std::vector<double> weights = token_weights(group, relevance);
    const auto weight = [&](std::size_t s, std::size_t t) {
      if (form == relevance_form::mixed && theta != 1)
        return 1 - theta + theta * weights[s] * weights[t];
      return weights[s] * weights[t];
    };
    std::vector<double> gains(n);  // factor by which a token would multiply the determinant
    for (std::size_t t = 0; t < n; ++t) gains[t] = cosines.is_zero(t) ? 0 : weight(t, t);
    std::vector<double> no_gain(n);  // above rounding errors of gains, and far from underflow
    for (std::size_t t = 0; t < n; ++t) no_gain[t] = (std::max)(1e-10 * gains[t], 1e-290);

    std::vector<std::size_t> chosen;
    std::vector<double> factor(
        detail::checked_array<double>("cdpruner", detail::checked_product("cdpruner", count, n)));
    std::vector<char> taken(n, 0);  // factor: row k is of the k-th token taken, for all tokens
    while (chosen.size() < count) {
      std::size_t next = n;
      for (std::size_t t = 0; t < n; ++t)
        if (!taken[t] && gains[t] > no_gain[t] && (next == n || gains[t] > gains[next])) next = t;
      if (next == n) break;
      taken[next] = 1;
      double* row = factor.data() + chosen.size() * n;
      const std::span<const double> cosine = cosines(next);
      for (std::size_t t = 0; t < n; ++t)
        if (!taken[t]) row[t] = weight(next, t) * cosine[t];
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
      chosen.push_back(group[next]);
    }

    std::vector<std::size_t> rest;
    for (std::size_t t = 0; t < n; ++t)
      if (!taken[t]) rest.push_back(group[t]);
    std::sort(rest.begin(), rest.end(), [&](std::size_t s, std::size_t t) {
      return relevance[s] > relevance[t] || (relevance[s] == relevance[t] && s < t);
    });
    rest.resize(count - chosen.size());
    chosen.insert(chosen.end(), rest.begin(), rest.end());
    return chosen;
  }

  // Returns what multiplies the similarities of each token of a group. In the exponential form all
  // are divided by the largest, which leaves the choice as it is.
  std::vector<double> token_weights(std::span<const std::size_t> group,
                                    std::span<const double> relevance) const {
    std::vector<double> weights;
    for (const std::size_t t : group) weights.push_back(relevance[t]);
    if (form == relevance_form::exponential && theta != 1 && !weights.empty()) {
      const double most = *std::max_element(weights.begin(), weights.end());
      const double alpha = theta / (2 * (1 - theta));
      for (double& w : weights) w = std::exp(alpha * (w - most));
    }
    return weights;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::token
