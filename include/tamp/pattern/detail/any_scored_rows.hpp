#pragma once

/// @file
/// The scores of a weight, independent of the type that makes them.

#include <cstddef>

#include "../../detail/function_ref.hpp"
#include "../../execute/executor.hpp"
#include "../../simd/cut.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A type-erased reference to scored rows, so that patterns are compiled once for each type of
/// score. The referenced rows must outlive it.
template <class Score>
class any_scored_rows {
 public:
  using score_type = Score;
  using row_function = function_ref<scored_row<Score>(std::size_t)>;
  using range_of_rows = function_ref<void(const row_function&, std::size_t, std::size_t)>;

  template <class ScoredRows>
  explicit any_scored_rows(const ScoredRows& scored) noexcept
      : scored_(&scored),
        rows_(scored.rows()),
        cols_(scored.cols()),
        run_([](const void* rows, const any_executor& exec, const range_of_rows& body) {
          static_cast<const ScoredRows*>(rows)->for_each_range(exec, body);
        }) {}

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }

  /// Calls `body(read_scores, begin, end)` for ranges of rows on the executor's threads.
  /// `read_scores(i)` returns a scored_row, a span that is valid until the next call.
  template <executor E>
  void for_each_range(const E& exec, const range_of_rows& body) const {
    run_(scored_, any_executor(exec), body);
  }

 private:
  const void* scored_;
  std::size_t rows_, cols_;
  void (*run_)(const void*, const any_executor&, const range_of_rows&);
};

}  // namespace tamp::inline TAMP_FLAGS::detail
