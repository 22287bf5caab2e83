#pragma once

/// @file
/// The pattern that drops the lowest-scored weights of the whole layer.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../detail/ordered_key.hpp"
#include "../detail/radix_selection.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/sequential.hpp"
#include "../mask/bitmask.hpp"
#include "../mask/detail/bits.hpp"
#include "../role.hpp"
#include "../simd/selection.hpp"
#include "detail/any_scored_rows.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// Drops the lowest-scored weights of the whole layer, independent of their rows.
///
/// Use it with magnitude, or when some outputs matter less than others.
///
///     drop(layer) = floor(rows * cols * sparsity) lowest scores of the layer
///
/// Ties: the lower row, then the lower column, is dropped first. The scores are never stored. A
/// sample of rows estimates the threshold. One pass over the weight counts scores to confirm a
/// bracket around it. A second pass sets the bits and gathers the few scores inside the bracket. If
/// the threshold cannot be bracketed, a radix selection finds it, with three more passes for float
/// and six for double. Memory: the scores inside the bracket, a few percent of all.
/// Source: Han et al. 2015 (arXiv 1506.02626).
/// @see pattern::per_row, which compares only weights of one output
struct per_tensor {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "per_tensor"; }

  /// Sets `keep` for all rows of `scored` (see detail::any_scored_rows).
  /// @throws value_error if the scores are found to differ from one reading to the next
  template <class Score>
  void select_tensor(const detail::any_executor& exec, const detail::any_scored_rows<Score>& scored,
                     double sparsity, mask::bitmask& keep) const {
    const std::size_t drop = detail::drop_count(keep.size(), sparsity);
    if (drop == 0) {
      scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
        for (std::size_t i = begin; i < end; ++i)
          detail::pack_bits(keep.row(i), read(i).size(), [](std::size_t) { return true; });
      });
      return;
    }
    const auto range = bracket_threshold(exec, scored, drop, keep);
    if (range.from < range.to)
      select_within(exec, scored, range, drop, keep);
    else if (range.from == range.to)
      select_above(exec, scored, range.from, drop - range.below, keep);
    else
      select_by_digits(exec, scored, drop, keep);
  }

  friend bool operator==(const per_tensor&, const per_tensor&) = default;

 private:
  /// The threshold lies in [from, to], and `below` scores are below it; from > to if it is unknown.
  template <class Score>
  struct bracket {
    Score from = 1, to = 0;
    std::size_t below = 0;
  };

  // Sixteen evenly spread groups of rows each estimate the threshold. Limits are set around the
  // mean of the estimates, at multiples of its standard error. The numbers of scores below the
  // limits tell which two of them bracket the threshold.
  template <class Score>
  static auto bracket_threshold(const detail::any_executor& exec,
                                const detail::any_scored_rows<Score>& scored, std::size_t drop,
                                const mask::bitmask& keep) {
    constexpr std::array multiples{-4.0, -1.2, -0.4, 0.4, 1.2, 4.0};
    const auto thresholds = sample_thresholds(scored, drop, keep);
    const auto groups = static_cast<double>(thresholds.size());
    double mean = 0, variance = 0;
    for (const double t : thresholds) mean += t / groups;
    for (const double t : thresholds) variance += (t - mean) * (t - mean) / groups;
    const double error = std::sqrt(variance / groups);
    std::array<Score, multiples.size()> limits;
    for (std::size_t k = 0; k < limits.size(); ++k)
      limits[k] = static_cast<Score>(mean + multiples[k] * error);
    // If all groups agree, their threshold itself must lie between two limits.
    if (error == 0) limits.back() = detail::next_higher(limits.back());

    std::array<std::size_t, limits.size()> below{};
    std::mutex adding;
    scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
      std::array<std::size_t, limits.size()> mine{};
      for (std::size_t i = begin; i < end; ++i) {
        const auto scores = read(i);
        const auto counts = detail::with_selection(
            [&](auto loops) { return loops.counts_below(scores.data(), scores.size(), limits); });
        for (std::size_t k = 0; k < mine.size(); ++k) mine[k] += counts[k];
      }
      const std::lock_guard lock(adding);
      for (std::size_t k = 0; k < mine.size(); ++k) below[k] += mine[k];
    });
    for (std::size_t k = 0; k + 1 < limits.size(); ++k) {
      const bracket<Score> found{limits[k], detail::next_lower(limits[k + 1]), below[k]};
      const bool is_within = below[k] < drop && drop <= below[k + 1];
      const bool is_small = below[k + 1] - below[k] <= keep.size() / 8;
      if (is_within && (is_small || found.from == found.to)) return found;
    }
    return bracket<Score>{};
  }

  template <class Score>
  static std::vector<double> sample_thresholds(const detail::any_scored_rows<Score>& scored,
                                               std::size_t drop, const mask::bitmask& keep) {
    constexpr std::size_t groups = 16, of_row = 512;
    const std::size_t rows = (std::min)(keep.rows(), std::size_t{256});
    const double share = static_cast<double>(drop) / static_cast<double>(keep.size());
    std::vector<std::vector<Score>> seen(groups);
    scored.for_each_range(execute::sequential{}, [&](auto&& read, auto, auto) {
      for (std::size_t k = 0; k < rows; ++k) {
        const auto scores = read(k * keep.rows() / rows);
        const std::size_t step = scores.size() / of_row + 1;
        for (std::size_t j = k % step; j < scores.size(); j += step)
          seen[k % groups].push_back(scores[j]);
      }
    });
    std::vector<double> thresholds;
    for (auto& scores : seen) {
      if (scores.empty()) continue;
      const auto middle = scores.begin() + static_cast<std::ptrdiff_t>(
                                               share * static_cast<double>(scores.size() - 1));
      std::nth_element(scores.begin(), middle, scores.end());
      thresholds.push_back(static_cast<double>(*middle));
    }
    return thresholds;
  }

  // Keeps the scores above the bracket, and gathers those inside it, of which the lowest are
  // dropped.
  template <class Score>
  static void select_within(const detail::any_executor& exec,
                            const detail::any_scored_rows<Score>& scored,
                            const bracket<Score>& range, std::size_t drop, mask::bitmask& keep) {
    struct part {  // the gathered scores of a range of rows, and their number in each row
      std::size_t first_row;
      std::vector<Score> scores;
      std::vector<detail::bits_of_number<Score>> columns;
      std::vector<std::size_t> of_row;
    };
    std::vector<part> parts;
    std::mutex adding;
    scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
      part mine{begin, {}, {}, {}};
      std::vector<Score> within(detail::cut_scratch(keep.cols()));
      std::vector<detail::bits_of_number<Score>> columns(within.size());
      detail::with_selection([&](auto loops) {
        for (std::size_t i = begin; i < end; ++i) {
          const auto scores = read(i);
          loops.keep_above(scores.data(), scores.size(), range.to, keep.row(i).data());
          const std::size_t count = loops.gather_columns_within(
              scores.data(), scores.size(), range.from, range.to, within.data(), columns.data());
          const auto past = static_cast<std::ptrdiff_t>(count);
          mine.scores.insert(mine.scores.end(), within.begin(), within.begin() + past);
          mine.columns.insert(mine.columns.end(), columns.begin(), columns.begin() + past);
          mine.of_row.push_back(count);
        }
      });
      const std::lock_guard lock(adding);
      parts.push_back(std::move(mine));
    });
    std::sort(parts.begin(), parts.end(),
              [](const part& a, const part& b) { return a.first_row < b.first_row; });

    std::vector<Score> all;
    for (const part& p : parts) all.insert(all.end(), p.scores.begin(), p.scores.end());
    const std::size_t count = all.size(), rank = drop - range.below;
    if (rank > count) refuse_changed_scores();
    all.resize(count + detail::cut_scratch(0));
    std::vector<Score> other(all.size());
    const auto cut = detail::with_selection(
        [&](auto loops) { return loops.cut_among(all.data(), count, rank, other.data()); });
    std::size_t ties = rank - cut.below;  // the first scores that equal the threshold
    for (const part& p : parts) {
      std::size_t k = 0;
      for (std::size_t r = 0; r < p.of_row.size(); ++r) {
        const auto words = keep.row(p.first_row + r);
        for (const std::size_t past = k + p.of_row[r]; k < past; ++k) {
          const bool is_tie = p.scores[k] == cut.threshold && ties != 0;
          const mask::word stays = p.scores[k] >= cut.threshold && !is_tie;
          ties -= is_tie;
          words[p.columns[k] / mask::word_bits] |= stays << (p.columns[k] % mask::word_bits);
        }
      }
    }
    if (ties != 0) refuse_changed_scores();
  }

  // Keeps the scores above the threshold, and of those that equal it all but the first `ties`.
  template <class Score>
  static void select_above(const detail::any_executor& exec,
                           const detail::any_scored_rows<Score>& scored, Score threshold,
                           std::size_t ties, mask::bitmask& keep) {
    // Rows before the ties run out lose every tie. The row in which they run out loses its
    // leftmost. Later rows keep theirs.
    std::vector<std::size_t> equal(keep.rows(), 0);
    scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
      detail::with_selection([&](auto loops) {
        for (std::size_t i = begin; i < end; ++i) {
          const auto scores = read(i);
          loops.keep_above(scores.data(), scores.size(), threshold, keep.row(i).data());
          equal[i] = loops.count_equal(scores.data(), scores.size(), threshold);
        }
      });
    });
    std::vector<bool> some_stay(equal.size());
    for (std::size_t i = 0; i < equal.size(); ++i) {
      const std::size_t dropped = (std::min)(ties, equal[i]);
      some_stay[i] = dropped < equal[i];
      ties -= dropped;
      equal[i] = dropped;  // from here on the number of the row's ties to drop
    }
    if (ties != 0) refuse_changed_scores();
    scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!some_stay[i]) continue;
        const auto scores = read(i);
        std::size_t seen = 0;
        for (std::size_t j = 0; j < scores.size(); ++j)
          if (scores[j] == threshold && seen++ >= equal[i])
            keep.row(i)[j / mask::word_bits] |= mask::word{1} << (j % mask::word_bits);
      }
    });
  }

  // The weight is read more than once, and its scores must be the same each time.
  [[noreturn]] static void refuse_changed_scores() {
    detail::raise<value_error>("per_tensor: the scores of the weights are not the same each time");
  }

  template <class Score>
  static void select_by_digits(const detail::any_executor& exec,
                               const detail::any_scored_rows<Score>& scored, std::size_t drop,
                               mask::bitmask& keep) {
    using key_type = decltype(detail::ordered_key(Score{}));
    detail::radix_selection<key_type> find(drop, 11);
    while (!find.is_done()) {
      std::vector<std::size_t> count(find.digits(), 0);
      std::mutex adding;
      scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
        std::vector<std::size_t> mine(count.size(), 0);
        for (std::size_t i = begin; i < end; ++i)
          for (const auto score : read(i))
            if (const key_type key = detail::ordered_key(score); find.is_open(key))
              ++mine[find.digit(key)];
        const std::lock_guard lock(adding);
        for (std::size_t d = 0; d < count.size(); ++d) count[d] += mine[d];
      });
      if (!find.enter(count)) refuse_changed_scores();
    }
    select_above(exec, scored, detail::number_of_key(find.key()), find.rank(), keep);
  }
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
