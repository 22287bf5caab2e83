#pragma once

/// @file
/// The pattern that drops the lowest-scored weights of the whole layer.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <limits>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/drop_count.hpp"
#include "../detail/large_array.hpp"
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
/// sample of rows estimates the threshold and a bracket around it. One pass over the weight sets
/// the bits of the scores above the bracket, gathers the few inside it and counts those below. The
/// counts nearly always confirm the bracket. If they do not, a second pass counts scores to find
/// another bracket, and a third one uses it. If the threshold cannot be bracketed, a radix
/// selection finds it, with three more passes for float and six for double. Memory: the scores
/// inside the bracket, a few percent of all, and one bit for each weight.
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
    const auto guess = estimate_threshold(scored, drop, keep);
    if (guess.share_inside <= 1.0 / 8 &&
        select_within(exec, scored, guess.range, guess.share_inside, drop, keep))
      return;
    const auto range = bracket_threshold(exec, scored, guess, drop, keep);
    if (range.from < range.to) {
      if (!select_within(exec, scored, range, 0, drop, keep)) refuse_changed_scores();
    } else if (range.from == range.to) {
      select_above(exec, scored, range.from, drop - range.below, keep);
    } else {
      select_by_digits(exec, scored, drop, keep);
    }
  }

  friend bool operator==(const per_tensor&, const per_tensor&) = default;

 private:
  /// The threshold lies in [from, to], and `below` scores are below it; from > to if it is unknown.
  template <class Score>
  struct bracket {
    Score from = 1, to = 0;
    std::size_t below = 0;
  };

  /// The threshold in a sample, its standard error, a bracket of some errors to each side, and the
  /// share of the sample that lies inside it.
  template <class Score>
  struct estimate {
    double threshold = 0, error = 0;
    bracket<Score> range;
    double share_inside = 1;
  };

  // Sixteen evenly spread groups of rows each estimate the threshold. Their mean is one more
  // estimate, and its standard error is that of a mean.
  template <class Score>
  static estimate<Score> estimate_threshold(const detail::any_scored_rows<Score>& scored,
                                            std::size_t drop, const mask::bitmask& keep) {
    constexpr std::size_t groups = 16, of_row = 512;
    constexpr double reach = 2.5;
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
    estimate<Score> result;
    detail::with_selection([&](auto loops) {
      std::vector<Score> scratch;
      std::vector<double> thresholds;
      for (const auto& scores : seen) {
        const std::size_t size = scores.size();
        if (size == 0) continue;
        scratch.resize((std::max)(scratch.size(), detail::cut_scratch(size)));
        const auto rank = 1 + static_cast<std::size_t>(share * static_cast<double>(size - 1));
        const auto cut = loops.cut_among(scores.data(), size, rank, scratch.data(),
                                         scratch.data() + scratch.size() / 2);
        thresholds.push_back(static_cast<double>(cut.threshold));
      }
      const auto count = static_cast<double>(thresholds.size());
      double variance = 0;
      for (const double t : thresholds) result.threshold += t / count;
      for (const double t : thresholds)
        variance += (t - result.threshold) * (t - result.threshold) / count;
      result.error = detail::square_root(variance / count);
      result.range.from = static_cast<Score>(result.threshold - reach * result.error);
      result.range.to = static_cast<Score>(result.threshold + reach * result.error);
      std::size_t size = 0, inside = 0, below = 0;
      for (const auto& scores : seen) {
        size += scores.size();
        inside += loops.gather_within(scores.data(), scores.size(), result.range.from,
                                      result.range.to, scratch.data(), below);
      }
      result.share_inside = static_cast<double>(inside) / static_cast<double>(size);
    });
    return result;
  }

  // Sets limits around the estimate, at multiples of its standard error. The numbers of scores
  // below the limits tell which two of them bracket the threshold.
  template <class Score>
  static auto bracket_threshold(const detail::any_executor& exec,
                                const detail::any_scored_rows<Score>& scored,
                                const estimate<Score>& guess, std::size_t drop,
                                const mask::bitmask& keep) {
    constexpr std::array multiples{-4.0, -1.2, -0.4, 0.4, 1.2, 4.0};
    std::array<Score, multiples.size()> limits;
    for (std::size_t k = 0; k < limits.size(); ++k)
      limits[k] = static_cast<Score>(guess.threshold + multiples[k] * guess.error);
    // If all groups agree, their threshold itself must lie between two limits.
    if (guess.error == 0) limits.back() = detail::next_higher(limits.back());

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

  // Keeps the scores above the bracket, and of those inside it all but the lowest. Returns false if
  // the threshold is not inside, or more than a quarter of all scores is. About `share_inside` of
  // them should be.
  template <class Score>
  static bool select_within(const detail::any_executor& exec,
                            const detail::any_scored_rows<Score>& scored,
                            const bracket<Score>& range, double share_inside, std::size_t drop,
                            mask::bitmask& keep) {
    struct part {  // the scores inside of a range of rows, and where in the rows they are
      std::size_t first_row;
      std::vector<Score> scores;
      std::vector<mask::word> inside;
    };
    const std::size_t words = keep.row(0).size(), most = keep.size() / 4;
    std::vector<part> parts;
    std::size_t below = 0;
    std::atomic<std::size_t> inside = 0;
    std::mutex adding;
    scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
      part mine{begin, {}, std::vector<mask::word>((end - begin) * words)};
      mine.scores.reserve(static_cast<std::size_t>(
          1.25 * share_inside * static_cast<double>((end - begin) * keep.cols())));
      std::vector<Score> within(detail::cut_scratch(keep.cols()));
      std::size_t below_here = 0;
      detail::with_selection([&](auto loops) {
        for (std::size_t i = begin; i < end && inside <= most; ++i) {
          const auto scores = read(i);
          const auto counts = loops.split_row(
              scores.data(), scores.size(), range.from, range.to, within.data(), keep.row(i).data(),
              mine.inside.data() + (i - begin) * words, scores.next);
          mine.scores.insert(mine.scores.end(), within.begin(),
                             within.begin() + static_cast<std::ptrdiff_t>(counts.inside));
          inside += counts.inside;
          below_here += counts.below;
        }
      });
      const std::lock_guard lock(adding);
      below += below_here;
      parts.push_back(std::move(mine));
    });
    if (inside > most || drop <= below || below + inside < drop) return false;
    std::sort(parts.begin(), parts.end(),
              [](const part& a, const part& b) { return a.first_row < b.first_row; });

    std::vector<Score> all = std::move(parts.front().scores);
    for (std::size_t p = 1; p < parts.size(); ++p)
      all.insert(all.end(), parts[p].scores.begin(), parts[p].scores.end());
    const std::size_t count = all.size(), rank = drop - below;
    const detail::large_array<Score> room(count + detail::vector_room);
    const detail::large_array<Score> other(count + detail::vector_room);
    std::vector<mask::word> stays(count / mask::word_bits + 2), not_below(stays.size());
    detail::with_selection([&](auto loops) {
      const auto cut = loops.cut_among(all.data(), count, rank, room.data(), other.data());
      loops.keep_above(all.data(), count, cut.threshold, stays.data());
      loops.template keep_above<true>(all.data(), count, cut.threshold, not_below.data());
      std::size_t ties = rank - cut.below;  // the first scores that equal the threshold
      for (std::size_t w = 0; w < stays.size(); ++w) {
        mask::word equals = not_below[w] & ~stays[w];
        for (; ties != 0 && equals != 0; --ties) equals &= equals - 1;
        stays[w] |= equals;
      }
      std::size_t place = 0;
      for (const part& p : parts)
        for (std::size_t w = 0; w < p.inside.size(); w += words)
          place += loops.put_back(p.inside.data() + w, words, stays.data(), place,
                                  keep.row(p.first_row + w / words).data());
    });
    return true;
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
