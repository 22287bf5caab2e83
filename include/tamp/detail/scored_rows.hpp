#pragma once

/// @file
/// A weight as its scores, row by row.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../execute/sequential.hpp"
#include "../tensor/rows.hpp"
#include "finite.hpp"
#include "ordered_key.hpp"
#include "score_forms.hpp"

namespace tamp::detail {

/// The type of a bound row score's scores; an elementwise score's return type.
template <class Score, class Real>
auto type_of_scores() {
  if constexpr (requires { typename Score::bound_score_type; })
    return typename Score::bound_score_type{};
  else
    return decltype(score_of(std::declval<const Score&>(), Real{}, float{})){};
}

/// Scores the rows of a weight on demand. A weight that is not finite, or whose score is NaN, is
/// noted and its row scores zero; `raise_if_broken` turns the note into an error once the threads
/// are done. `Score` is what bind_score gives.
template <class Source, class Score>
class scored_rows {
 public:
  using weight_type = row_value<Source>;
  using score_type = decltype(type_of_scores<Score, weight_type>());
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

  /// @throws value_error that names the first weight in row-major order that is not finite; if all
  ///         are, the first whose score is NaN
  void raise_if_broken(std::string_view operation, std::string_view layer) const {
    if (!broken_.any()) return;
    // Weights come first: one of them may have spoilt the sums, and so the scores, of other rows.
    check_finite(execute::sequential{}, weight_, operation, layer);
    const std::size_t i = broken_.row();
    row_reader<std::remove_cvref_t<Source>> read_weights(weight_);
    const auto row = read_weights(i);
    std::vector<score_type> scores(row.size());
    write_scores(row, i, scores);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (is_nan(scores[j]))
        raise<value_error>(operation, ": the score of the weight in row ", i, ", column ", j,
                           of_layer(layer), ", which is ", row[j], ", is not a number");
  }

 private:
  void write_scores(std::span<const weight_type> weights, std::size_t i,
                    std::vector<score_type>& scores) const {
    if constexpr (requires { typename Score::bound_score_type; })
      score_(i, weights, std::span(scores));
    else
      for (std::size_t j = 0; j < weights.size(); ++j)
        scores[j] = score_of(score_, weights[j], needs_statistic<Score> ? statistics_[j] : 0.0f);
  }

  std::span<const score_type> score_row(std::span<const weight_type> weights, std::size_t i,
                                        std::vector<score_type>& scores) const {
    write_scores(weights, i, scores);
    unsigned broken = 0;
    for (std::size_t j = 0; j < weights.size(); ++j)
      broken |= unsigned{!is_finite(weights[j])} | unsigned{is_nan(scores[j])};
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
