#pragma once

/// @file
/// An order of columns in which N:M groups keep large scores.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/linear_assignment.hpp"
#include "../../execute/executor.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Groups of `group` columns, of which each row keeps its `kept` highest scores.
class group_order {
 public:
  group_order(std::string_view who, matrix_view<const float> scores, std::size_t kept,
              std::size_t group)
      : who_(who), scores_(scores), kept_(kept), group_(group), groups_(scores.cols() / group) {}

  /// Returns the sum of the scores that stay if column order[k] comes to place k. Columns past the
  /// last whole group do not count.
  double retained(std::span<const std::size_t> order) const {
    double sum = 0;
    if (groups_ == 0) return sum;
    std::vector<float> values(group_);
    for (std::size_t i = 0; i < scores_.rows(); ++i) {
      const auto row = scores_.row(i);
      for (std::size_t g = 0; g < groups_; ++g) {
        for (std::size_t p = 0; p < group_; ++p) values[p] = row[order[g * group_ + p]];
        std::nth_element(values.begin(), at(values, kept_), values.end(), std::greater<>());
        for (std::size_t p = 0; p < kept_; ++p) sum += static_cast<double>(values[p]);
      }
    }
    return sum;
  }

  /// Deals the columns out to the groups by the sums of their scores, ascending, in turns of
  /// alternating direction. Ties: the lower column is dealt first.
  std::vector<std::size_t> dealt_out() const {
    std::vector<std::size_t> sorted = identity(), order = identity();
    std::vector<double> sums(scores_.cols(), 0.0);
    for (std::size_t i = 0; i < scores_.rows(); ++i) {
      const auto row = scores_.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) sums[j] += static_cast<double>(row[j]);
    }
    sorted.resize(groups_ * group_);
    std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
      return sums[a] != sums[b] ? sums[a] < sums[b] : a < b;
    });
    for (std::size_t p = 0; p < group_; ++p)
      for (std::size_t g = 0; g < groups_; ++g)
        order[g * group_ + p] = sorted[p * groups_ + (p % 2 == 0 ? g : groups_ - 1 - g)];
    return order;
  }

  /// For each place of the groups in turn: takes the columns at that place out of all groups, and
  /// assigns them anew so that the most is retained.
  ///
  /// A row of a group retains the kept - 1 highest of the other columns, and the larger of the next
  /// one and the column that is assigned. The gain of a column in a group is therefore the sum over
  /// rows of max(next one, column), up to a constant of the group.
  template <executor E>
  void reassign(const E& exec, std::vector<std::size_t>& order) const {
    const std::size_t rows = scores_.rows(), n = groups_;
    auto next = checked_array<float>(who_, checked_product(who_, rows, n));
    auto columns = checked_array<float>(who_, next.size());
    auto gains = checked_array<double>(who_, checked_product(who_, n, n));
    for (std::size_t place = 0; place < group_; ++place) {
      for_each_range(exec, rows, [&](std::size_t begin, std::size_t end) {
        std::vector<float> others(group_ - 1);
        for (std::size_t i = begin; i < end; ++i)
          for (std::size_t g = 0; g < n; ++g) {
            const auto row = scores_.row(i);
            for (std::size_t p = 0, k = 0; p < group_; ++p)
              if (p != place) others[k++] = row[order[g * group_ + p]];
            std::nth_element(others.begin(), at(others, kept_ - 1), others.end(), std::greater<>());
            next[i * n + g] = others[kept_ - 1];
            columns[i * n + g] = row[order[g * group_ + place]];
          }
      });
      for_each_range(exec, n, [&](std::size_t begin, std::size_t end) {
        for (std::size_t g = begin; g < end; ++g) {
          double* const gain = gains.data() + g * n;
          std::fill(gain, gain + n, 0.0);
          for (std::size_t i = 0; i < rows; ++i) {
            const float others = next[i * n + g];
            const float* const column = columns.data() + i * n;
            for (std::size_t c = 0; c < n; ++c)
              gain[c] += static_cast<double>(column[c] > others ? column[c] : others);
          }
        }
      });
      const std::vector<std::size_t> from = best_assignment(who_, gains, n);
      const std::vector<std::size_t> before = order;
      for (std::size_t g = 0; g < n; ++g)
        order[g * group_ + place] = before[from[g] * group_ + place];
    }
  }

  std::vector<std::size_t> identity() const {
    auto order = checked_array<std::size_t>(who_, scores_.cols());
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
  }

 private:
  static std::vector<float>::iterator at(std::vector<float>& values, std::size_t place) {
    return values.begin() + static_cast<std::ptrdiff_t>(place);
  }

  std::string_view who_;
  matrix_view<const float> scores_;
  std::size_t kept_, group_, groups_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
