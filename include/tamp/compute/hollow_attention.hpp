#pragma once

/// @file
/// Hollow attention, in which distant visual tokens do not see each other.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/operation.hpp"
#include "../mask/bitmask.hpp"
#include "../mask/detail/bits.hpp"
#include "../model/modality.hpp"
#include "../tensor/detail/apart.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/view.hpp"
#include "detail/attention_tile.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// A contiguous range of keys, [begin, end).
struct key_range {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const key_range&, const key_range&) = default;
};

/// Causal attention in which a visual token sees all text before it, but only the visual tokens
/// near it: RedundancyLens' hollow attention.
///
/// Use it in layers that barely change visual tokens (compute::layer_ranking finds them), on long
/// images. The work for a visual token is then that of the text and the window, not of all tokens
/// before it.
///
///     allowed(q, k) = k <= q, and q - k < window if both are visual
///
/// All tokens but text are visual. Distances count tokens of either kind, across images. With a
/// window of 0 a visual token does not even see itself. With a window of all tokens this is causal
/// attention.
///
/// Source: Li et al. 2025, RedundancyLens (arXiv 2501.19036).
struct hollow_attention {
  std::size_t window = 256;

  std::string label() const { return detail::sentence("hollow_attention ", window); }

  /// True if a query may attend to a key. `kinds` has one modality for each token.
  bool allowed(std::span<const modality> kinds, std::size_t query, std::size_t key) const noexcept {
    return key <= query && (key >= oldest(kinds, query) || kinds[key] == modality::text);
  }

  /// Returns the mask of all pairs, (tokens, tokens), true where a query (row) may attend to a key.
  tamp::mask::bitmask mask(std::span<const modality> kinds) const {
    tamp::mask::bitmask all(kinds.size(), kinds.size(), false);
    for (std::size_t q = 0; q < kinds.size(); ++q)
      detail::pack_bits(all.row(q), kinds.size(),
                        [&](std::size_t key) { return allowed(kinds, q, key); });
    return all;
  }

  /// Counts the allowed pairs of query and key, the argument of block_shape::pairs. Time O(tokens).
  std::uint64_t products(std::span<const modality> kinds) const noexcept {
    std::uint64_t count = 0, text_before_window = 0;
    for (std::size_t q = 0, edge = 0; q < kinds.size(); ++q) {
      const std::size_t first = oldest(kinds, q);
      if (kinds[q] != modality::text)  // the windows of visual queries move on
        for (; edge < first; ++edge) text_before_window += kinds[edge] == modality::text;
      count += q + 1 - first + (first == 0 ? 0 : text_before_window);
    }
    return count;
  }

  /// Returns the keys to which queries [begin, end) may attend, as ascending ranges with gaps
  /// between them, for a host's own attention that processes these queries together. A key inside a
  /// range may still be forbidden to some of the queries. A key outside is forbidden to all. Time
  /// O(end).
  /// @throws shape_error if the queries leave the sequence
  std::vector<key_range> ranges(std::span<const modality> kinds, std::size_t begin,
                                std::size_t end) const {
    if (begin > end || end > kinds.size())
      detail::raise<shape_error>("hollow_attention: queries ", begin, " to ", end,
                                 " leave a sequence of ", kinds.size(), " tokens");
    std::vector<key_range> found;
    const auto add = [&](std::size_t first, std::size_t last) {
      if (first >= last) return;
      if (!found.empty() && found.back().end == first)
        found.back().end = last;
      else
        found.push_back({first, last});
    };
    std::size_t text_end = end;  // after the last text query, which sees all before it
    while (text_end > begin && kinds[text_end - 1] != modality::text) --text_end;
    const std::size_t whole = text_end > begin ? text_end : 0;
    add(0, whole);
    if (text_end == end) return found;
    const std::size_t near_begin = (std::max)(whole, oldest(kinds, text_end));
    for (std::size_t key = whole; key < near_begin; ++key)
      if (kinds[key] == modality::text) add(key, key + 1);
    add(near_begin, end);
    return found;
  }

  /// Computes the attention of one head, without storing the square of scores:
  ///
  ///     out(i) = sum over visible j of softmax_j(scale * q(i) . k(j)) v(j)
  ///
  /// where the softmax is over the keys that query i may see. A query that may see none gets zeros.
  ///
  /// k is (tokens, head_dim), v (tokens, value_dim), of any strides, so that a head may be a slice
  /// of a larger tensor. q and out have one row for each of the last tokens: for all tokens, or for
  /// those after the ones in a cache. `out` may be q itself.
  ///
  /// Visual queries and text queries are processed in tiles of 16 queries of one kind, which share
  /// each key that they load. The work of a tile is that of the keys that its queries may see.
  /// Memory: O(tokens). The bits do not depend on which thread takes which tile.
  /// @throws shape_error if the shapes do not match, or elements of the output share memory
  /// @throws value_error if an element is not finite, naming its token, or is so large that the
  ///         scores or sums overflow a float; nothing is written
  template <executor E>
  void attend(const E& exec, matrix_view<const float> q, matrix_view<const float> k,
              matrix_view<const float> v, std::span<const modality> kinds, float scale,
              matrix_view<float> out) const {
    const detail::ieee_arithmetic as_usual;
    const std::size_t tokens = kinds.size();
    check_shapes(q, k, v, tokens, out);
    const float factor = check_numbers(exec, q, k, v, scale);
    const std::size_t before = tokens - q.rows();
    std::vector<std::size_t> text, visual;
    for (std::size_t t = 0; t < tokens; ++t)
      (kinds[t] == modality::text ? text : visual).push_back(t);
    // The tiles with the most work come first, so that threads finish at about the same time.
    std::vector<std::span<const std::size_t>> tiles;
    for (const std::span<const std::size_t> queries : {std::span(text), std::span(visual)})
      cut(queries, before, tiles);
    std::atomic<std::size_t> next = 0;
    detail::for_each_range(exec, tiles.size(), [&](std::size_t begin, std::size_t end) {
      if (begin == end) return;
      detail::attention_tile work(k, v);
      for (std::size_t tile; (tile = next.fetch_add(1, std::memory_order_relaxed)) < tiles.size();)
        attend_tile(work, tiles[tile], before, q, text, kinds, factor, out);
    });
  }
  friend bool operator==(const hollow_attention&, const hollow_attention&) = default;

 private:
  static constexpr std::size_t lanes = detail::attention_tile::lanes;

  /// The first key from which on a query sees every kind of token.
  std::size_t oldest(std::span<const modality> kinds, std::size_t query) const noexcept {
    return kinds[query] == modality::text ? 0 : query + 1 - (std::min)(window, query + 1);
  }

  static void check_shapes(matrix_view<const float> q, matrix_view<const float> k,
                           matrix_view<const float> v, std::size_t tokens, matrix_view<float> out) {
    detail::check_memory("hollow_attention: queries", q);
    detail::check_memory("hollow_attention: keys", k);
    detail::check_memory("hollow_attention: values", v);
    detail::check_memory("hollow_attention: output", out);
    if (k.rows() != tokens || v.rows() != tokens || q.rows() > tokens)
      detail::raise<shape_error>("hollow_attention: there are ", q.rows(), " queries, ", k.rows(),
                                 " keys and ", v.rows(), " values of a sequence of ", tokens,
                                 " tokens");
    if (q.cols() != k.cols())
      detail::raise<shape_error>("hollow_attention: queries have ", q.cols(), " columns, keys ",
                                 k.cols());
    if (out.rows() != q.rows() || out.cols() != v.cols())
      detail::raise<shape_error>("hollow_attention: the output is ", out.rows(), " x ", out.cols(),
                                 " for ", q.rows(), " queries and values of ", v.cols(),
                                 " columns");
    detail::check_apart("hollow_attention", out, "the output");
  }

  /// Returns the factor of the queries, after checking that no score or sum can overflow.
  template <executor E>
  static float check_numbers(const E& exec, matrix_view<const float> q, matrix_view<const float> k,
                             matrix_view<const float> v, float scale) {
    if (!is_finite(scale)) detail::raise<value_error>("hollow_attention: the scale is ", scale);
    const double query = longest(exec, q, "query", k.rows() - q.rows());
    const double key = longest(exec, k, "key", 0), value = longest(exec, v, "value", 0);
    constexpr auto highest = static_cast<double>(detail::attention_tile::highest);
    const double factor = static_cast<double>(scale) * std::numbers::log2e;
    if (!(std::fabs(factor) < highest) ||
        !(std::fabs(factor) * query * (std::max)(key, 1.0) < highest) ||
        !(static_cast<double>(v.rows()) * value < highest))
      detail::raise<value_error>("hollow_attention: with a scale of ", scale,
                                 ", queries of length ", query, ", keys of ", key,
                                 " and values of ", value, " overflow a float");
    return static_cast<float>(factor);
  }

  /// Returns the largest Euclidean length of a row.
  template <executor E>
  static double longest(const E& exec, matrix_view<const float> m, const char* what,
                        std::size_t first_token) {
    std::vector<double> squares(m.rows());
    detail::for_each_range(exec, m.rows(), [&](std::size_t begin, std::size_t end) {
      detail::row_reader read(m);
      for (std::size_t t = begin; t < end; ++t) {
        double parts[8] = {};
        const std::span<const float> row = read(t);
        for (std::size_t d = 0; d < row.size() / 8 * 8; d += 8)
          for (std::size_t s = 0; s < 8; ++s)
            parts[s] += static_cast<double>(row[d + s]) * static_cast<double>(row[d + s]);
        for (std::size_t d = row.size() / 8 * 8; d < row.size(); ++d)
          parts[0] += static_cast<double>(row[d]) * static_cast<double>(row[d]);
        for (const double part : parts) squares[t] += part;
      }
    });
    double most = 0;
    for (std::size_t t = 0; t < squares.size(); ++t) {
      if (!is_finite(squares[t])) refuse(m, t, what, first_token);
      most = (std::max)(most, squares[t]);
    }
    return std::sqrt(most);
  }

  [[noreturn]] static void refuse(matrix_view<const float> m, std::size_t t, const char* what,
                                  std::size_t first_token) {
    // Squares of finite floats never overflow a double: one of the numbers is not finite.
    const auto at = detail::first_not_finite(m, t, t + 1);
    detail::raise<value_error>("hollow_attention: the ", what, " of token ", first_token + t,
                               ", column ", at.column, " is ", at.value);
  }

  /// Appends the queries from `before` on as tiles, the last queries first.
  static void cut(std::span<const std::size_t> queries, std::size_t before,
                  std::vector<std::span<const std::size_t>>& tiles) {
    const auto first = std::lower_bound(queries.begin(), queries.end(), before);
    queries = queries.subspan(static_cast<std::size_t>(first - queries.begin()));
    for (; !queries.empty(); queries = queries.first(queries.size() - tiles.back().size()))
      tiles.push_back(queries.last((std::min)(lanes, queries.size())));
  }

  void attend_tile(detail::attention_tile& work, std::span<const std::size_t> queries,
                   std::size_t before, matrix_view<const float> q,
                   std::span<const std::size_t> text, std::span<const modality> kinds, float factor,
                   matrix_view<float> out) const {
    std::size_t rows[lanes], first[lanes];
    for (std::size_t s = 0; s < queries.size(); ++s) {
      rows[s] = queries[s] - before;
      first[s] = oldest(kinds, queries[s]);
    }
    const auto hide = [&](std::size_t key, std::span<float, lanes> scores) {
      if (key > queries.front())
        for (std::size_t s = 0; s < queries.size() && queries[s] < key; ++s)
          scores[s] = detail::attention_tile::hidden;
      if (key < first[queries.size() - 1] && kinds[key] != modality::text)
        for (std::size_t s = queries.size(); s-- > 0 && key < first[s];)
          scores[s] = detail::attention_tile::hidden;
    };
    work.start(q, {rows, queries.size()}, factor);
    // Text from before the window of the first query, then all keys from there to the last query.
    const auto window_text = std::lower_bound(text.begin(), text.end(), first[0]);
    const auto earlier = static_cast<std::size_t>(window_text - text.begin());
    const std::size_t count = earlier + queries.back() + 1 - first[0];
    std::size_t keys[detail::attention_tile::block];
    for (std::size_t done = 0; done < count;) {
      const std::size_t size = (std::min)(std::size(keys), count - done);
      for (std::size_t r = 0; r < size; ++r, ++done)
        keys[r] = done < earlier ? text[done] : first[0] + (done - earlier);
      work.add({keys, size}, hide);
    }
    work.finish(out, {rows, queries.size()});
  }
};

/// The type of compute::attend.
struct attend_operation : tamp::detail::operation<attend_operation> {
  using tamp::detail::operation<attend_operation>::operator();

  template <executor E, class Policy>
  void operator()(const E& exec, matrix_view<const float> q, matrix_view<const float> k,
                  matrix_view<const float> v, std::span<const modality> kinds, float scale,
                  matrix_view<float> out, const Policy& policy) const {
    policy.attend(exec, q, k, v, kinds, scale, out);
  }
};
/// Computes the attention of one head: attend(where, q, k, v, kinds, scale, out, policy).
/// @see hollow_attention::attend, text_attention::attend
inline constexpr attend_operation attend{};

}  // namespace tamp::inline TAMP_FLAGS::compute
