#pragma once

/// @file
/// The scores of a weight, computed row by row on demand.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/special_numbers.hpp"
#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../role.hpp"
#include "../../simd/score_row.hpp"
#include "../../tensor/detail/finite.hpp"
#include "../../tensor/rows.hpp"
#include "score_forms.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A score that promises not to be finite where the weight is not. A finite sum of scores then
/// proves that all weights of the row are finite, without a check of each.
template <class Score>
concept shows_non_finite_score = requires { requires Score::shows_non_finite; };

/// Names the type of a bound row score's scores, or an elementwise score's return type.
template <class Score, class Real>
auto type_of_scores() {
  if constexpr (requires { typename Score::bound_score_type; })
    return typename Score::bound_score_type{};
  else
    return decltype(score_of(std::declval<const Score&>(), Real{}, float{})){};
}

/// Scores the rows of a weight on demand.
///
/// A row with a weight that is not finite, or with a score that is NaN, is noted and scores zero
/// everywhere. `raise_if_broken` turns the note into an error once the threads are done. `Score` is
/// the type that bind_score returns. Its promises are tested, not trusted.
template <class Source, class Score>
class scored_rows {
 public:
  using weight_type = row_value<Source>;
  using score_type = decltype(type_of_scores<Score, weight_type>());
  static_assert(std::is_same_v<score_type, float> || std::is_same_v<score_type, double>,
                "a score returns float or double");

  scored_rows(const Source& weight, const Score& score, std::span<const float> statistics)
      : weight_(weight), score_(score), statistics_(statistics), shows_(keeps_its_promise()) {}

  std::size_t rows() const { return static_cast<std::size_t>(weight_.rows()); }
  std::size_t cols() const { return static_cast<std::size_t>(weight_.cols()); }

  /// Calls `body(read_scores, begin, end)` for ranges of rows on the executor's threads.
  /// `read_scores(i)` returns a scored_row, a span that is valid until the next call.
  template <executor E, class Body>
  void for_each_range(const E& exec, const Body& body) const {
    if (rows() == 0 || cols() == 0) return;
    detail::for_each_range(exec, rows(), cols(), [&](std::size_t begin, std::size_t end) {
      row_reader<Source> read_weights(weight_);
      auto scores = checked_array<score_type>("tensor", cols());
      body([&](std::size_t i) { return score_row(read_weights, i, scores); }, begin, end);
    });
  }

  /// @throws value_error that names the first weight in row-major order that is not finite. If all
  ///         are finite, it names the first weight whose score is NaN, and the policy of that
  ///         score.
  template <class Policy>
  void raise_if_broken(std::string_view operation, std::string_view layer,
                       const Policy& policy) const {
    if (!broken_.any()) return;
    // Weights come first: one of them may have spoilt the sums, and so the scores, of other rows.
    refuse_not_finite(weight_, 0, operation, layer);
    const std::size_t i = broken_.row();
    row_reader<Source> read_weights(weight_);
    const auto row = read_weights(i);
    std::vector<score_type> scores(row.size());
    write_scores(row, i, scores);
    for (std::size_t j = 0; j < row.size(); ++j)
      if (is_nan(scores[j]))
        raise<value_error>(operation, ": the score ", label(policy), " of the weight in row ", i,
                           ", column ", j, of_layer(layer), ", which is ", row[j],
                           ", is not a number");
    raise<value_error>(operation, ": the score ", label(policy), " of the weights in row ", i,
                       of_layer(layer), " is not the same each time");
  }

 private:
  static constexpr bool is_bound = requires { typename Score::bound_score_type; };

  // True if the score is not finite, or throws, for every weight that is not finite, in any column.
  // For few rows a check of their weights is cheaper than this test.
  bool keeps_its_promise() const {
    if constexpr (!is_bound && shows_non_finite_score<Score>) {
      constexpr std::size_t few = 16;
      if (rows() < few) return false;
      const std::size_t columns = needs_statistic<Score> ? statistics_.size() : 1;
      for (const weight_type broken :
           {infinity<weight_type>, -infinity<weight_type>, not_a_number<weight_type>})
        for (std::size_t j = 0; j < columns; ++j) {
#if TAMP_EXCEPTIONS
          try {
#endif
            if (is_finite(score_of(score_, broken, needs_statistic<Score> ? statistics_[j] : 0.0f)))
              return false;
#if TAMP_EXCEPTIONS
          } catch (...) {
          }
#endif
        }
      return true;
    } else {
      return false;
    }
  }

  // Writes the scores of row i. Returns their sum, and whether weights and scores are usable.
  template <class Element>
  auto write_scores(std::span<Element> weights, std::size_t i,
                    std::vector<score_type>& scores) const {
    return with_row_scores([&]([[maybe_unused]] auto loops) {
      if constexpr (is_bound) {
        if constexpr (looks_at_rows_by_test<Score>) {
          return score_(i, weights, std::span(scores));
        } else {
          // Marks scores that are left unwritten.
          std::fill(scores.begin(), scores.end(), not_a_number<score_type>);
          score_(i, std::span<const weight_type>(weights), std::span(scores));
          const auto [sum, is_usable] = loops.look_at_scores(scores.data(), scores.size());
          return row_scored<score_type>{
              sum, is_usable && loops.row_is_finite(weights.data(), weights.size())};
        }
      } else {
        const auto score = [&score = score_, statistics = statistics_.data()](
                               weight_type weight, [[maybe_unused]] std::size_t j) {
          return score_of(score, weight, needs_statistic<Score> ? statistics[j] : 0.0f);
        };
        const auto [sum, is_usable] = loops.template score_row<shows_non_finite_score<Score>>(
            weights.data(), weights.size(), score, scores.data());
        const bool is_shown = !shows_non_finite_score<Score> || shows_;
        return row_scored<score_type>{
            sum, is_usable && (is_shown || loops.row_is_finite(weights.data(), weights.size()))};
      }
    });
  }

  scored_row<score_type> score_row(row_reader<Source>& read_weights, std::size_t i,
                                   std::vector<score_type>& scores) const {
    std::span<const std::byte> next;
    auto [sum, is_usable] = [&] {
      if constexpr (is_view<Source> && (!is_bound || looks_at_rows_by_test<Score>))
        if (weight_.contiguous_rows()) {
          if (i + 1 < weight_.rows()) next = std::as_bytes(weight_.row(i + 1));
          return write_scores(weight_.row(i), i, scores);
        }
      return write_scores(read_weights(i), i, scores);
    }();
    if (!is_usable) {
      broken_.note(i);
      std::fill(scores.begin(), scores.end(), score_type{0});
      sum = 0;
    }
    return {scores, sum, next};
  }

  const Source& weight_;
  const Score& score_;
  std::span<const float> statistics_;
  bool shows_;
  mutable first_row broken_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
