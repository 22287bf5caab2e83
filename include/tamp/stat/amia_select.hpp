#pragma once

/// @file
/// The selection of tokens that represent a whole sample, as AMIA makes it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../model/modality.hpp"
#include "../role.hpp"
#include "../simd/similar_rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/token_similarity.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// A selector of tokens that are attended to, differ from each other, and together resemble all
/// tokens: adaptive multimodal input activation.
///
/// Use it where a few informative tokens drown among many similar ones, for example the background
/// patches of a picture. score::amia takes its norms over the selected tokens, and
/// stat::weighted any statistic. The y_t are the
/// output tokens at unit length, a(t) is the attention of the last query to token t, and near(t)
/// are the `neighbours` other tokens of smallest D(t, u):
///
///     D(s, t)  = 1 - cos(y_s, y_t)
///     graph(t) = a(t) + sum over u in near(t) of exp(-forward_gamma D(t, u)) a(u)
///     repeat:    take the token s of highest graph; for each u in near(s)
///                graph(u) -= exp(-backward_gamma D(s, u)) max(graph(s), 0)
///     until      MMD^2(taken, all) < tolerance sqrt(1 - mean density), or all are taken
///
/// MMD is the maximum mean discrepancy under the kernel exp(-|y_s - y_t|^2 / (2 sigma^2)). The mean
/// density is that of stat::token_diversity, over the modalities of this sample. At a tie the lower
/// index is nearer, and is taken first.
///
/// The cost for N tokens of d features is one product of all pairs of tokens, and N (N + d) numbers
/// of memory. The two means that change as tokens are taken are kept as running sums.
///
/// Source: Lee et al. 2025, TAMP (arXiv 2504.09897), and its published code.
struct amia_select {
  using role = tamp::role::weighting;

  std::size_t neighbours = 3;
  double forward_gamma = 1.0;
  double backward_gamma = 0.2;
  double sigma = 1.0;
  double tolerance = 0.1;

  /// "amia", followed by the parameters if they are not the published ones.
  std::string label() const {
    if (*this == amia_select{}) return "amia";
    return detail::sentence("amia ", neighbours, ' ', forward_gamma, ' ', backward_gamma, ' ',
                            sigma, ' ', tolerance);
  }

  /// Returns the selected tokens in the order in which they were taken. Y has the shape
  /// (tokens, out_features). `kinds` has one modality per token, or is empty if all are text.
  /// @throws shape_error if kinds or attention do not cover the tokens
  /// @throws value_error if an output or an attention is not finite, an attention is negative, or a
  ///         parameter is out of its range
  template <executor E, tensor_argument Y>
  std::vector<std::size_t> operator()(const E& exec, const Y& output,
                                      std::span<const modality> kinds,
                                      std::span<const float> attention) const {
    const detail::ieee_arithmetic as_usual;
    return detail::with_source(output, [&](const auto& y) {
      const detail::token_similarity similar(exec, y, kinds, "amia_select");
      check_input(similar.tokens(), attention);
      return greedy(exec, similar, attention);
    });
  }

  /// Checks the parameters. All must be finite, sigma above 0 with a finite 1 / sigma^2, and the
  /// tolerance not negative.
  /// @throws value_error that names them
  void check_parameters() const {
    if (!detail::is_positive(sigma) || !is_finite(1 / (sigma * sigma)) ||
        !detail::is_nonnegative(tolerance) || !is_finite(forward_gamma) ||
        !is_finite(backward_gamma))
      detail::raise<value_error>("amia_select: sigma is ", sigma, ", tolerance ", tolerance,
                                 ", the gammas ", forward_gamma, " and ", backward_gamma);
  }

  friend bool operator==(const amia_select&, const amia_select&) = default;

 private:
  void check_input(std::size_t tokens, std::span<const float> attention) const {
    if (attention.size() != tokens)
      detail::raise<shape_error>("amia_select: the attention covers ", attention.size(),
                                 " tokens, the output has ", tokens);
    detail::check_list("amia_select", "numbers of attention", attention);
    for (std::size_t t = 0; t < tokens; ++t)
      if (!detail::is_nonnegative(attention[t]))
        detail::raise<value_error>("amia_select: the attention to token ", t, " is ", attention[t]);
    check_parameters();
  }

  // Finds the other tokens that are most similar to t, the lower index first at a tie. `nearest`
  // must be shorter than the row.
  template <class Rows, class Real>
  static void find_nearest(Rows rows, std::span<const Real> similarities, std::size_t t,
                           std::span<std::size_t> nearest) {
    if (nearest.empty()) return;
    std::size_t found = 0;
    const auto insert = [&](std::size_t u) {
      std::size_t place = found;
      while (place != 0 && similarities[nearest[place - 1]] < similarities[u]) --place;
      found = (std::min)(found + 1, nearest.size());
      for (std::size_t k = found - 1; k > place; --k) nearest[k] = nearest[k - 1];
      nearest[place] = u;
    };
    std::size_t u = 0;
    for (; found < nearest.size(); ++u)
      if (u != t) insert(u);
    const std::size_t n = similarities.size();
    for (--u;
         (u = rows.next_above(similarities.data(), u + 1, n, similarities[nearest.back()])) < n;)
      if (u != t) insert(u);
  }

  template <executor E, class Similarity>
  std::vector<std::size_t> greedy(const E& exec, const Similarity& similar,
                                  std::span<const float> attention) const {
    const std::size_t n = similar.tokens();
    const std::size_t degree = n == 0 ? 0 : (std::min)(neighbours, n - 1);
    const double rate = -1 / (2 * sigma * sigma);
    std::vector<std::size_t> nearest(n * degree);
    std::vector<double> graph(n), kernel_sums(n);
    const std::span<const double> lengths = similar.squared_lengths();
    const auto near_of = [&](std::size_t t) {
      return std::span(nearest).subspan(t * degree, degree);
    };
    const auto distance = [&](std::size_t s, std::size_t t) {
      return 1 - static_cast<double>(similar.row(s)[t]);
    };
    detail::for_each_range(exec, n, [&](std::size_t begin, std::size_t end) {
      detail::with_similar_rows([&](auto rows) {
        for (std::size_t t = begin; t < end; ++t) {
          find_nearest(rows, similar.row(t), t, near_of(t));
          double from_near = 0;
          for (const std::size_t u : near_of(t))
            from_near +=
                std::exp(-forward_gamma * distance(t, u)) * static_cast<double>(attention[u]);
          graph[t] = attention[t] + from_near;
          kernel_sums[t] =
              rows.sum_of_kernels(similar.row(t).data(), lengths.data(), n, lengths[t], rate);
        }
      });
    });
    double all = 0;
    for (const double sum : kernel_sums) all += sum;
    const auto count = static_cast<double>(n);
    const double stop = tolerance * std::sqrt((std::max)(0.0, 1 - similar.densities(exec).mean()));

    std::vector<std::size_t> taken;
    std::vector<char> is_taken(n, 0);
    std::vector<typename Similarity::real> to_taken;  // similarities of the last token to all taken
    std::vector<double> taken_lengths;
    double within = 0, between = 0;  // kernel sums: taken x taken, all x taken
    while (taken.size() < n) {
      std::size_t s = n;
      for (std::size_t t = 0; t < n; ++t)
        if (is_taken[t] == 0 && (s == n || graph[t] > graph[s])) s = t;
      const double reach = (std::max)(graph[s], 0.0);
      for (const std::size_t u : near_of(s))
        graph[u] -= std::exp(-backward_gamma * distance(s, u)) * reach;
      taken.push_back(s);
      is_taken[s] = 1;
      // The pairs of the token: once with itself, and twice with each that was taken before.
      to_taken.clear();
      taken_lengths.push_back(lengths[s]);
      for (const std::size_t u : taken) to_taken.push_back(similar.row(s)[u]);
      detail::with_similar_rows([&](auto rows) {
        const auto kernels_to = [&](std::size_t first) {
          return rows.sum_of_kernels(to_taken.data() + first, taken_lengths.data() + first,
                                     to_taken.size() - first, lengths[s], rate);
        };
        within += 2 * kernels_to(0) - kernels_to(to_taken.size() - 1);
      });
      between += kernel_sums[s];
      const auto m = static_cast<double>(taken.size());
      if (all / (count * count) + within / (m * m) - 2 * between / (count * m) < stop) break;
    }
    return taken;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::stat
