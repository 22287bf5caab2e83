#pragma once

/// @file
/// Merging of similar rows in rounds of bipartite soft matching.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "../../tensor/view.hpp"
#include "../context.hpp"
#include "../selection.hpp"
#include "row_products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The rules by which a sequence is split into the sets A and B, and the order that a round leaves.
struct matching_rules {
  /// The number of tokens at the sequence's first places that do not merge: none, a class token, or
  /// a class and a distillation token. The latter, the first of B, receives no others either.
  std::size_t protected_tokens = 0;
  /// The number of these that are no rows: they only take their places in front of the rows.
  std::size_t in_front = 0;
  /// If true, rows stay in their order. If false, those of A that are left come first, by falling
  /// similarity, then those of B. With protected tokens both are in their order, behind them.
  bool keeps_order = false;
};

/// Rows that merge with the most similar ones until few enough are left.
///
/// In each round the sequence is assigned alternately to two sets, A and B. Each row of A has an
/// edge to the row of B of largest cosine. Ties: the first row of B. Along the edges of largest
/// cosine, rows of A merge into their rows of B, which become the mean of both, weighted by size.
/// Ties: the first row of A merges first.
class soft_matching {
 public:
  /// @param rows (sizes.size(), features), row-major
  soft_matching(std::vector<double> rows, std::vector<double> sizes, matching_rules rules)
      : rules_(rules), rows_(std::move(rows)), sizes_(std::move(sizes)), into_(sizes_.size()) {
    for (std::size_t i = 0; i < into_.size(); ++i) {
      into_[i] = i;
      left_.push_back(i);
    }
  }

  /// The rows that are left, in the order of the sequence.
  std::span<const std::size_t> left() const noexcept { return left_; }

  /// The number of tokens of the sequence, with those in front of the rows.
  std::size_t tokens() const noexcept { return rules_.in_front + left_.size(); }

  /// Runs one round, in which `count` rows of A merge: at most half of those that are left and not
  /// protected. If protection leaves no edge, the last row merges into the first one instead.
  void merge(std::size_t count) {
    if (count == 0) return;
    std::vector<edge> edges = edges_of_a();
    if (edges.empty()) {
      absorb(left_.back(), left_.front());
      left_.pop_back();
      return;
    }
    std::sort(edges.begin(), edges.end(), [](const edge& a, const edge& b) {
      return a.cosine > b.cosine || (a.cosine == b.cosine && a.from < b.from);
    });
    for (std::size_t k = 0; k < count; ++k) absorb(left_[edges[k].from], edges[k].to);
    if (rules_.keeps_order) {
      std::erase_if(left_, [&](std::size_t i) { return into_[i] != i; });
      return;
    }
    edges.erase(edges.begin(), edges.begin() + static_cast<std::ptrdiff_t>(count));
    if (rules_.protected_tokens != 0)
      std::sort(edges.begin(), edges.end(),
                [](const edge& a, const edge& b) { return a.from < b.from; });
    std::vector<std::size_t> next(left_.begin(),
                                  left_.begin() + static_cast<std::ptrdiff_t>(protected_rows()));
    for (const edge& of_a : edges) next.push_back(left_[of_a.from]);
    for (std::size_t b = first_of_b(); b < left_.size(); b += 2) next.push_back(left_[b]);
    left_ = std::move(next);
  }

  /// Returns the row into which row i has merged, or i.
  std::size_t into(std::size_t i) const noexcept {
    while (into_[i] != i) i = into_[i];
    return i;
  }

 private:
  struct edge {
    std::size_t from;  // its place in left_
    std::size_t to;    // a row
    double cosine;
  };

  std::size_t protected_rows() const noexcept { return rules_.protected_tokens - rules_.in_front; }

  // The places in left_ of the first row of A and of B that are not protected. The row at place k
  // of left_ is at place in_front + k of the sequence.
  std::size_t first_of_a() const noexcept {
    return rules_.protected_tokens + rules_.protected_tokens % 2 - rules_.in_front;
  }
  std::size_t first_of_b() const noexcept {
    return rules_.protected_tokens + 1 - rules_.protected_tokens % 2 - rules_.in_front;
  }

  std::vector<edge> edges_of_a() const {
    std::vector<edge> edges;
    const std::size_t first = first_of_b();
    if (first >= left_.size()) return edges;
    const row_products products(
        matrix_view<const double>(rows_.data(), sizes_.size(), rows_.size() / sizes_.size()));
    for (std::size_t a = first_of_a(); a < left_.size(); a += 2) {
      edge best{a, left_[first], products.cosine(left_[a], left_[first])};
      for (std::size_t b = first + 2; b < left_.size(); b += 2)
        if (const double cosine = products.cosine(left_[a], left_[b]); cosine > best.cosine)
          best = {a, left_[b], cosine};
      edges.push_back(best);
    }
    return edges;
  }

  void absorb(std::size_t from, std::size_t to) {
    const std::size_t features = rows_.size() / sizes_.size();
    const double size = sizes_[from] + sizes_[to];
    for (std::size_t j = 0; j < features; ++j) {
      double& merged = rows_[to * features + j];
      merged = (merged * sizes_[to] + rows_[from * features + j] * sizes_[from]) / size;
    }
    sizes_[to] = size;
    into_[from] = to;
  }

  matching_rules rules_;
  std::vector<double> rows_, sizes_;
  std::vector<std::size_t> into_, left_;
};

/// Returns how many of the first `protected_tokens` of an encoder's sequence are text in front of
/// the candidates: all of the text in front of them, if it is no more than that, or none.
inline std::size_t protected_in_front(const token::context& c,
                                      std::span<const std::size_t> candidates,
                                      std::size_t protected_tokens) {
  if (candidates.empty() || candidates.front() > protected_tokens) return 0;
  for (std::size_t t = 0; t < candidates.front(); ++t)
    if (c.is_visual(t)) return 0;
  return candidates.front();
}

/// Merges candidates, of one row each, until `count` are left, and returns the answer of a merging
/// policy. Of a sequence of t tokens, which includes protected ones in front, at most `most(t)`
/// merge in a round, and at least one.
template <class Most>
token::merging merge_in_rounds(std::vector<double> rows, const token::context& c,
                               std::span<const std::size_t> candidates, std::size_t count,
                               matching_rules rules, Most&& most) {
  rules.in_front = protected_in_front(c, candidates, rules.protected_tokens);
  std::vector<double> sizes(candidates.size(), 1.0);
  for (std::size_t k = 0; k < sizes.size() && !c.sizes.empty(); ++k)
    sizes[k] = static_cast<double>(c.sizes[candidates[k]]);
  soft_matching matching(std::move(rows), std::move(sizes), rules);
  while (matching.left().size() > count)
    matching.merge((std::min)(matching.left().size() - count,
                              (std::max)(most(matching.tokens()), std::size_t{1})));
  token::merging answer;
  for (std::size_t k = 0; k < candidates.size(); ++k)
    answer.into.push_back(candidates[matching.into(k)]);
  for (const std::size_t row : matching.left()) answer.order.push_back(candidates[row]);
  return answer;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
