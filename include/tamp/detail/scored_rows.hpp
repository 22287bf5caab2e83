#pragma once

/// @file
/// A weight as its scores, row by row.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../tensor/rows.hpp"
#include "ordered_key.hpp"

namespace tamp::detail {

/// The statistic that a score needs, or void.
template <class Score>
struct needed_statistic {
  using type = void;
};
template <class Score>
  requires requires { typename Score::needs; }
struct needed_statistic<Score> {
  using type = typename Score::needs;
};
template <class Score>
using needed_statistic_of = typename needed_statistic<Score>::type;
template <class Score>
inline constexpr bool needs_statistic = !std::is_void_v<needed_statistic_of<Score>>;

/// Applies an elementwise score: to the weight alone or to the weight and its column's statistic.
template <class Score, class Real>
TAMP_FN auto score_of(const Score& score, Real weight, [[maybe_unused]] float statistic) noexcept {
  if constexpr (needs_statistic<Score>)
    return score(weight, statistic);
  else
    return score(weight);
}

/// The lowest row in which something was wrong, noted by any thread.
class first_row {
 public:
  void note(std::size_t row) noexcept {
    std::size_t seen = row_.load(std::memory_order_relaxed);
    while (row < seen && !row_.compare_exchange_weak(seen, row, std::memory_order_relaxed)) {
    }
  }
  bool any() const noexcept { return row() != none; }
  std::size_t row() const noexcept { return row_.load(std::memory_order_relaxed); }

 private:
  static constexpr auto none = static_cast<std::size_t>(-1);
  std::atomic<std::size_t> row_ = none;
};

/// " of NAME" or nothing, for error sentences.
inline std::string of_layer(std::string_view layer) {
  return layer.empty() ? std::string() : sentence(" of ", layer);
}

/// Scores the rows of a weight on demand. A weight that is not finite, or whose score is NaN, is
/// noted and its row scores zero; `raise_if_broken` turns the note into an error once the threads
/// are done.
template <class Source, class Score>
class scored_rows {
 public:
  using weight_type = row_value<Source>;
  using score_type = decltype(score_of(std::declval<const Score&>(), weight_type{}, float{}));
  static_assert(std::is_same_v<score_type, float> || std::is_same_v<score_type, double>,
                "a score returns float or double");

  scored_rows(const Source& weight, const Score& score, std::span<const float> statistics)
      : weight_(weight), score_(score), statistics_(statistics) {}

  std::size_t rows() const { return static_cast<std::size_t>(weight_.rows()); }
  std::size_t cols() const { return static_cast<std::size_t>(weight_.cols()); }

  /// Calls `body(read_scores, begin, end)` for ranges of rows on the executor's threads.
  /// `read_scores(i)` is a span that stays valid until the next call.
  template <executor E, class Body>
  void for_each_range(const E& exec, const Body& body) const {
    exec.for_each_range(rows(), [&](std::size_t begin, std::size_t end) {
      row_reader<std::remove_cvref_t<Source>> read_weights(weight_);
      std::vector<score_type> scores(cols());
      body([&](std::size_t i) { return score_row(read_weights(i), i, scores); }, begin, end);
    });
  }

  /// @throws value_error that names the first weight in row-major order that cannot be scored
  void raise_if_broken(std::string_view operation, std::string_view layer) const {
    if (!broken_.any()) return;
    const std::size_t i = broken_.row();
    row_reader<std::remove_cvref_t<Source>> read_weights(weight_);
    const auto row = read_weights(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (!is_finite(row[j]))
        raise<value_error>(operation, ": the weight in row ", i, ", column ", j, of_layer(layer),
                           " is ", row[j]);
      if (is_nan(score_of(score_, row[j], statistic(j))))
        raise<value_error>(operation, ": the score of the weight in row ", i, ", column ", j,
                           of_layer(layer), ", which is ", row[j], ", is not a number");
    }
  }

 private:
  float statistic(std::size_t j) const { return needs_statistic<Score> ? statistics_[j] : 0.0f; }

  std::span<const score_type> score_row(std::span<const weight_type> weights, std::size_t i,
                                        std::vector<score_type>& scores) const {
    unsigned broken = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      scores[j] = score_of(score_, weights[j], statistic(j));
      broken |= unsigned{!is_finite(weights[j])} | unsigned{is_nan(scores[j])};
    }
    if (broken != 0) {
      broken_.note(i);
      std::fill(scores.begin(), scores.end(), score_type{0});
    }
    return scores;
  }

  const Source& weight_;
  const Score& score_;
  std::span<const float> statistics_;
  mutable first_row broken_;
};

}  // namespace tamp::detail
