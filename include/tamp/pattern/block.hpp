#pragma once

/// @file
/// The pattern that drops whole blocks of neighbouring weights.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ordered_key.hpp"
#include "../detail/special_numbers.hpp"
#include "../error.hpp"
#include "../execute/detail/in_strips.hpp"
#include "../execute/executor.hpp"
#include "../mask/bitmask.hpp"
#include "../mask/detail/bits.hpp"
#include "../role.hpp"
#include "detail/any_scored_rows.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// Drops the lowest-scored blocks of R x C neighbouring weights of the layer.
///
/// Use block<16, 1> or block<1, 16> for kernels that load 16 neighbouring weights or none. A block
/// of R rows shares each input among R outputs; a block of C columns reads C neighbouring inputs.
/// The larger a block, the more quality the same sparsity costs.
///
///     score(block) = sum of the scores of its weights / number of its weights
///     drop         = floor(number of blocks * sparsity) lowest blocks of the layer
///
/// Blocks at the last row or column may be smaller, so that their mean is compared. The number of
/// weights dropped is that of the chosen blocks, which a report shows. Ties: the lower block in
/// row-major order is dropped first. Sums are in double, row after row, so that they do not depend
/// on the executor. A mean of NaN, from infinite scores of both signs, counts as the lowest.
/// Memory: one double and one index for each block.
/// Source: blocks of weights as in Narang et al. 2017 (arXiv 1711.02782), with scores of any
/// policy in place of the largest magnitude.
template <std::size_t R, std::size_t C>
struct block {
  static_assert(
      0 < R && 0 < C && R * C > 1,
      "pattern::block<R, C> drops blocks of R rows and C columns, of at least two weights");
  using role = tamp::role::pattern;
  static std::string label() { return detail::sentence("block ", R, " x ", C); }

  /// Sets `keep` for all rows of `scored` (see detail::any_scored_rows).
  /// @throws shape_error if memory cannot hold one number for each block
  template <class Score>
  void select_tensor(const detail::any_executor& exec, const detail::any_scored_rows<Score>& scored,
                     double sparsity, mask::bitmask& keep) const {
    const std::size_t across = keep.cols() / C + (keep.cols() % C != 0);
    const std::size_t down = keep.rows() / R + (keep.rows() % R != 0);
    auto means = detail::checked_array<double>(label(), down * across);
    scored.for_each_range(detail::in_strips{exec, R}, [&](auto&& read, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) add(read(i), &means[i / R * across]);
    });
    for (std::size_t b = 0; b < means.size(); ++b) {
      const std::size_t rows = (std::min)(R, keep.rows() - b / across * R);
      const std::size_t cols = (std::min)(C, keep.cols() - b % across * C);
      means[b] /= static_cast<double>(rows * cols);
      if (detail::is_nan(means[b])) means[b] = -detail::infinity<double>;
    }
    const std::vector<bool> stays =
        all_but_lowest(means, detail::drop_count(means.size(), sparsity));
    detail::for_each_range(exec, keep.rows(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        detail::pack_bits(keep.row(i), keep.cols(),
                          [&](std::size_t j) { return stays[i / R * across + j / C]; });
    });
  }

  friend bool operator==(const block&, const block&) = default;

 private:
  template <class Row>
  static void add(const Row& scores, double* sums) {
    for (std::size_t j = 0; j < scores.size(); ++j) sums[j / C] += static_cast<double>(scores[j]);
  }

  static std::vector<bool> all_but_lowest(const std::vector<double>& means, std::size_t drop) {
    std::vector<bool> stays(means.size(), true);
    auto order = detail::checked_array<std::size_t>(label(), means.size());
    for (std::size_t b = 0; b < order.size(); ++b) order[b] = b;
    const auto key = [&](std::size_t b) { return detail::ordered_key(means[b]); };
    std::nth_element(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(drop), order.end(),
        [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) < key(b) : a < b; });
    for (std::size_t k = 0; k < drop; ++k) stays[order[k]] = false;
    return stays;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
