#pragma once

/// @file
/// The layer as a whole loses its lowest-scored weights.

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/bits.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ordered_key.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"

namespace tamp::pattern {

/// Drops the lowest-scored weights of the whole layer, wherever they are.
///
/// Reach for it with magnitude, or when some outputs matter less than others.
///
///     drop(layer) = floor(rows * cols * sparsity) lowest scores of the layer
///
/// Among equal scores the lower row, then the lower column, is dropped first. The scores are never
/// stored: the threshold is found digit by digit, reading the weight once for every 11 bits of a
/// score (three times for float, six for double) and twice more to set the bits.
/// Source: Han et al. 2015 (arXiv 1506.02626).
/// @see pattern::per_row, which compares only weights of one output
struct per_tensor {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "per_tensor"; }

  /// Sets `keep` for all rows of `scored` (see detail::scored_rows).
  template <executor E, class ScoredRows>
  void select_tensor(const E& exec, const ScoredRows& scored, double sparsity,
                     mask::bitmask& keep) const {
    const std::size_t drop = detail::drop_count(keep.size(), sparsity);
    const auto [threshold, ties] = drop == 0 ? cut<ScoredRows>{} : find_cut(exec, scored, drop);

    // Rows before `last` in which something equals the threshold lose all of that; the row in
    // which the ties run out loses its leftmost; later rows keep theirs.
    std::vector<std::size_t> equal(keep.rows(), 0);
    scored.for_each_range(exec, [&, threshold = threshold](auto&& read, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) {
        const auto scores = read(i);
        const auto key = [&](std::size_t j) { return detail::ordered_key(scores[j]); };
        detail::pack_bits(keep.row(i), scores.size(),
                          [&](std::size_t j) { return drop == 0 || key(j) > threshold; });
        for (std::size_t j = 0; j < scores.size(); ++j) equal[i] += key(j) == threshold;
      }
    });
    if (drop == 0) return;
    std::size_t left = ties;  // from here on equal[i] is how many of row i's equals are dropped
    std::vector<bool> some_stay(equal.size());
    for (std::size_t i = 0; i < equal.size(); ++i) {
      const std::size_t dropped = (std::min)(left, equal[i]);
      some_stay[i] = dropped < equal[i];
      left -= dropped;
      equal[i] = dropped;
    }
    scored.for_each_range(exec, [&, threshold = threshold](auto&& read, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!some_stay[i]) continue;
        const auto scores = read(i);
        std::size_t seen = 0;
        for (std::size_t j = 0; j < scores.size(); ++j)
          if (detail::ordered_key(scores[j]) == threshold && seen++ >= equal[i])
            keep.row(i)[j / mask::word_bits] |= mask::word{1} << (j % mask::word_bits);
      }
    });
  }

  friend bool operator==(const per_tensor&, const per_tensor&) = default;

 private:
  template <class ScoredRows>
  using key_of = decltype(detail::ordered_key(typename ScoredRows::score_type{}));

  /// The key of the last score to go, and how many scores equal to it go.
  template <class ScoredRows>
  struct cut {
    key_of<ScoredRows> threshold = 0;
    std::size_t ties = 0;
  };

  // A radix selection: count the scores by their uppermost digit, go into the digit in which the
  // drop-th score lies, count those by their next digit, and so on.
  template <executor E, class ScoredRows>
  static cut<ScoredRows> find_cut(const E& exec, const ScoredRows& scored, std::size_t drop) {
    using key_type = key_of<ScoredRows>;
    constexpr int bits = std::numeric_limits<key_type>::digits, digit = 11;
    key_type prefix = 0;
    std::size_t rank = drop;  // among the scores that start with `prefix`
    for (int decided = 0; decided < bits;) {
      const int width = (std::min)(digit, bits - decided), shift = bits - decided - width;
      const auto starts_with_prefix = [=](key_type key) {
        return decided == 0 || key >> (shift + width) == prefix;
      };
      std::array<std::size_t, std::size_t{1} << digit> count{};
      std::mutex adding;
      scored.for_each_range(exec, [&](auto&& read, auto begin, auto end) {
        std::vector<std::size_t> mine(count.size(), 0);
        for (std::size_t i = begin; i < end; ++i)
          for (const auto score : read(i))
            if (const key_type key = detail::ordered_key(score); starts_with_prefix(key))
              ++mine[key >> shift & ((key_type{1} << width) - 1)];
        const std::lock_guard lock(adding);
        for (std::size_t d = 0; d < count.size(); ++d) count[d] += mine[d];
      });
      std::size_t d = 0;
      for (; count[d] < rank; ++d) rank -= count[d];
      prefix = static_cast<key_type>(prefix << width) | static_cast<key_type>(d);
      decided += width;
    }
    return {prefix, rank};
  }
};

}  // namespace tamp::pattern
