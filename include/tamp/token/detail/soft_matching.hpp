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
#include "row_products.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Rows that merge with the most similar ones until few enough are left.
///
/// In each round the remaining rows are assigned alternately to two sets, A and B, in their order.
/// Each row of A has an edge to the row of B of largest cosine. Ties: the first row of B. Along the
/// edges of largest cosine, rows of A merge into their rows of B, which become the mean of both,
/// weighted by size. Ties: the lower row of A merges first.
class soft_matching {
 public:
  /// @param rows (sizes.size(), features), row-major
  soft_matching(std::vector<double> rows, std::vector<double> sizes)
      : rows_(std::move(rows)), sizes_(std::move(sizes)), into_(sizes_.size()) {
    for (std::size_t i = 0; i < into_.size(); ++i) {
      into_[i] = i;
      left_.push_back(i);
    }
  }

  /// The number of rows that are left.
  std::size_t left() const noexcept { return left_.size(); }

  /// Runs one round, in which `count` rows of A merge. `count` must be at most half of the rows
  /// left.
  void merge(std::size_t count) {
    const std::size_t features = rows_.size() / sizes_.size();
    const row_products products(matrix_view<const double>(rows_.data(), sizes_.size(), features));
    std::vector<edge> edges;
    for (std::size_t a = 0; a < left_.size(); a += 2) {
      edge best{left_[a], left_[1], products.cosine(left_[a], left_[1])};
      for (std::size_t b = 3; b < left_.size(); b += 2)
        if (const double cosine = products.cosine(left_[a], left_[b]); cosine > best.cosine)
          best = {left_[a], left_[b], cosine};
      edges.push_back(best);
    }
    std::sort(edges.begin(), edges.end(), [](const edge& a, const edge& b) {
      return a.cosine > b.cosine || (a.cosine == b.cosine && a.from < b.from);
    });
    for (std::size_t k = 0; k < count; ++k) {
      const auto [from, to, cosine] = edges[k];
      const double size = sizes_[from] + sizes_[to];
      for (std::size_t j = 0; j < features; ++j) {
        double& merged = rows_[to * features + j];
        merged = (merged * sizes_[to] + rows_[from * features + j] * sizes_[from]) / size;
      }
      sizes_[to] = size;
      into_[from] = to;
    }
    std::erase_if(left_, [&](std::size_t i) { return into_[i] != i; });
  }

  /// Returns the row into which row i has merged, or i.
  std::size_t into(std::size_t i) const noexcept {
    while (into_[i] != i) i = into_[i];
    return i;
  }

 private:
  struct edge {
    std::size_t from, to;
    double cosine;
  };

  std::vector<double> rows_, sizes_;
  std::vector<std::size_t> into_, left_;
};

/// Merges candidates, of one row each, until `count` are left, and returns the answer of a merging
/// policy. At most `most(left)` of `left` candidates merge in a round. `most` must return at least
/// one.
template <class Most>
std::vector<std::size_t> merge_in_rounds(std::vector<double> rows, const token::context& c,
                                         std::span<const std::size_t> candidates, std::size_t count,
                                         Most&& most) {
  std::vector<double> sizes(candidates.size(), 1.0);
  for (std::size_t k = 0; k < sizes.size() && !c.sizes.empty(); ++k)
    sizes[k] = static_cast<double>(c.sizes[candidates[k]]);
  soft_matching matching(std::move(rows), std::move(sizes));
  while (matching.left() > count)
    matching.merge((std::min)(matching.left() - count, most(matching.left())));
  std::vector<std::size_t> destination;
  for (std::size_t k = 0; k < candidates.size(); ++k)
    destination.push_back(candidates[matching.into(k)]);
  return destination;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
