#pragma once

/// @file
/// The channels of some tokens that vary least.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "../../detail/square_root.hpp"
#include "../../element.hpp"
#include "../../simd/column_spread.hpp"
#include "../rows_view.hpp"
#include "checked_context.hpp"
#include "earlier_rows.hpp"
#include "token_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Bounds of the variances of the channels over some tokens, times the number of tokens.
struct variance_bounds {
  std::vector<double> least, most;  ///< (channels,)
};

/// Finds bounds in one read. They hold for the exact variance and for that of the definition (see
/// exact_variances), in floating point.
///
/// With d the differences of the numbers from those of the first token, n of them, the variance is
/// sum of d^2 - (sum of d)^2 / n. Each sum and each difference is rounded: the error is at most 8 n
/// units in the last place of the sum of d^2. The mean of the definition has an error of at most 2 n
/// units in the last place of the largest mean that numbers of that sum can have, which counts
/// squared.
/// @throws value_error if a hidden state is not finite
inline variance_bounds bound_variances(std::string_view who, const token::rows_view& rows,
                                       std::span<const std::size_t> tokens) {
  constexpr std::size_t together = portable::column_spread::rows_together;
  const std::size_t cols = rows.cols();
  std::vector<double> sums(cols), squares(cols);
  std::vector<float> first(cols), buffer;
  const std::span<const float> given = rows.row(tokens.front(), buffer);
  std::copy(given.begin(), given.end(), first.begin());
  earlier_rows read(rows, together);
  for (std::size_t k = 0; k < tokens.size(); k += together) {
    const float* part[together];
    const std::size_t count = (std::min)(together, tokens.size() - k);
    for (std::size_t i = 0; i < count; ++i) part[i] = read.next(i, tokens[k + i]);
    with_column_spread([&](auto loops) {
      loops.add_differences(part, count, first.data(), cols, sums.data(), squares.data());
    });
  }
  constexpr double unit = std::numeric_limits<double>::epsilon();
  const double n = static_cast<double>(tokens.size()), steps = n + 8;
  variance_bounds bounds{std::vector<double>(cols), std::vector<double>(cols)};
  for (std::size_t j = 0; j < cols; ++j) {
    if (!is_finite(squares[j]))
      check_finite(who, "hidden state", rows, [&](std::size_t t) {
        return std::binary_search(tokens.begin(), tokens.end(), t);
      });
    const double spread = squares[j] - sums[j] * sums[j] / n;
    const double largest_mean =
        std::abs(static_cast<double>(first[j])) + square_root(squares[j] / n);
    const double error_of_mean = 2 * steps * unit * largest_mean;
    const double error = 8 * steps * unit * squares[j] + 2 * n * error_of_mean * error_of_mean;
    bounds.least[j] = spread - error;
    bounds.most[j] = spread + error;
  }
  return bounds;
}

/// Returns the variances of some channels by the definition: the mean, summed in the order of the
/// tokens, and then the mean of the squared differences from it, summed in that order.
inline std::vector<double> exact_variances(const token::rows_view& rows,
                                           std::span<const std::size_t> tokens,
                                           std::span<const std::size_t> channels) {
  const auto n = static_cast<double>(tokens.size());
  std::vector<double> mean(channels.size()), variance(channels.size());
  row_reader read(rows);
  for (const std::size_t t : tokens) {
    const std::span<const float> row = read(t);
    for (std::size_t k = 0; k < channels.size(); ++k)
      mean[k] += static_cast<double>(row[channels[k]]);
  }
  for (double& m : mean) m /= n;
  for (const std::size_t t : tokens) {
    const std::span<const float> row = read(t);
    for (std::size_t k = 0; k < channels.size(); ++k) {
      const double difference = static_cast<double>(row[channels[k]]) - mean[k];
      variance[k] += difference * difference;
    }
  }
  for (double& v : variance) v /= n;
  return variance;
}

/// Returns the channels of lowest variance over some ascending tokens, ascending: half of all, rounded
/// down, at least one. Ties: the lower channel is dropped first.
///
/// One read bounds the variances. Where the bounds do not tell channels at the cut apart, these are
/// compared by exact_variances, for which the tokens are read twice more.
/// @throws value_error if a hidden state is not finite
inline std::vector<std::size_t> steady_channels(std::string_view who, const token::rows_view& rows,
                                                std::span<const std::size_t> tokens) {
  const std::size_t cols = rows.cols();
  const std::size_t count = (std::min)(cols, (std::max)(std::size_t{1}, cols / 2));
  const variance_bounds bounds = bound_variances(who, rows, tokens);
  std::vector<double> least = bounds.least, most = bounds.most;
  std::sort(least.begin(), least.end());
  std::sort(most.begin(), most.end());
  std::vector<std::size_t> kept, unclear;
  for (std::size_t j = 0; j < cols; ++j) {
    const auto lower_or_equal =  // channels that may have no larger variance, itself among them
        std::upper_bound(least.begin(), least.end(), bounds.most[j]) - least.begin();
    const auto lower =  // channels that have a smaller one
        std::lower_bound(most.begin(), most.end(), bounds.least[j]) - most.begin();
    if (static_cast<std::size_t>(lower_or_equal) <= count)
      kept.push_back(j);
    else if (static_cast<std::size_t>(lower) < count)
      unclear.push_back(j);
  }
  if (kept.size() < count) {
    const std::vector<double> variance = exact_variances(rows, tokens, unclear);
    std::vector<std::size_t> order(unclear.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return variance[a] < variance[b] || (variance[a] == variance[b] && a > b);
    });
    order.resize(count - kept.size());
    for (const std::size_t k : order) kept.push_back(unclear[k]);
    std::sort(kept.begin(), kept.end());
  }
  return kept;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
