#pragma once

/// @file
/// FLAP's score of the input channels of a weight, and the bias that stands in for dropped ones.

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../execute/detail/for_each_strip.hpp"
#include "../execute/executor.hpp"
#include "../execute/operation.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "detail/pairwise_sum.hpp"

namespace tamp::inline TAMP_FLAGS::structure {

/// FLAP's metrics of a channel: its variance times the weights that read it, or its variance.
enum class fluctuation { wifv, ifv };

}  // namespace tamp::inline TAMP_FLAGS::structure

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the sum of the squares of each column, from the first row to the last, in double.
/// @throws value_error if a weight is not finite, naming it, or a sum is not
template <executor E, class Source>
std::vector<double> column_energies(const E& exec, const Source& w, std::string_view who) {
  const auto rows = static_cast<std::size_t>(w.rows()), cols = static_cast<std::size_t>(w.cols());
  auto sums = checked_array<double>(who, cols);
  const auto add = [&](const auto& part, std::size_t first) {
    row_reader read(part);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = read(i);
      for (std::size_t j = 0; j < row.size(); ++j) {
        const auto x = static_cast<double>(row[j]);
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(row[j])>, double>)
          sums[first + j] += rounded(x * x);
        else
          sums[first + j] += x * x;  // exact
      }
    }
  };
  if constexpr (is_view<Source>) {
    for_each_strip(exec, cols, 64, rows, [&](std::size_t begin, std::size_t end) {
      add(Source{w.data() + static_cast<std::ptrdiff_t>(begin) * w.col_stride(), rows, end - begin,
                 w.row_stride(), w.col_stride()},
          begin);
    });
  } else {
    add(w, 0);
  }
  for (std::size_t j = 0; j < cols; ++j)
    if (!is_finite(sums[j])) {
      row_reader read(w);
      for (std::size_t i = 0; i < rows; ++i)
        if (const auto x = read(i)[j]; !is_finite(x))
          raise<value_error>(who, ": the weight in row ", i, ", column ", j, " is ", x);
      raise<value_error>(who, ": the squares of column ", j, " are too large to be summed");
    }
  return sums;
}

struct channel_fluctuation_function : operation<channel_fluctuation_function> {
  using operation::operator();
  template <executor E, tensor_argument W>
  std::vector<double> operator()(
      const E& exec, const W& weight, std::span<const double> variances,
      structure::fluctuation metric = structure::fluctuation::wifv) const {
    const ieee_arithmetic as_usual;
    constexpr std::string_view who = "channel_fluctuation";
    check_list(who, "variances", variances);
    return with_source(weight, [&](const auto& w) {
      const auto cols = static_cast<std::size_t>(w.cols());
      if (variances.size() != cols)
        raise<shape_error>(who, ": weight has ", cols, " columns, the statistics cover ",
                           variances.size());
      for (std::size_t j = 0; j < cols; ++j)
        if (!is_nonnegative(variances[j]))
          raise<value_error>(who, ": the variance of feature ", j, " is ", variances[j]);
      std::vector<double> scores(variances.begin(), variances.end());
      if (metric == structure::fluctuation::ifv) return scores;
      const auto energies = column_energies(exec, w, who);
      for (std::size_t j = 0; j < cols; ++j) {
        scores[j] *= energies[j];
        if (!is_finite(scores[j]))
          raise<value_error>(who, ": the score of channel ", j, " is too large");
      }
      return scores;
    });
  }
};

struct bias_of_dropped_function : operation<bias_of_dropped_function> {
  using operation::operator();
  template <executor E, tensor_argument W>
  std::vector<double> operator()(const E& exec, const W& weight, std::span<const double> means,
                                 std::span<const std::size_t> kept,
                                 std::span<const double> bias = {}) const {
    const ieee_arithmetic as_usual;
    constexpr std::string_view who = "bias_of_dropped";
    check_list(who, "means", means);
    check_list(who, "kept channels", kept);
    check_list(who, "numbers of the bias", bias);
    return with_source(weight, [&](const auto& w) {
      const auto rows = static_cast<std::size_t>(w.rows());
      const auto cols = static_cast<std::size_t>(w.cols());
      if (means.size() != cols)
        raise<shape_error>(who, ": weight has ", cols, " columns, the statistics cover ",
                           means.size());
      if (!bias.empty() && bias.size() != rows)
        raise<shape_error>(who, ": weight has ", rows, " rows, the bias ", bias.size());
      auto given = checked_array<double>(who, cols);
      for (std::size_t j = 0; j < cols; ++j)
        if (!is_finite(given[j] = means[j]))
          raise<value_error>(who, ": the mean of feature ", j, " is ", means[j]);
      for (std::size_t k = 0; k < kept.size(); ++k) {
        if (kept[k] >= cols || (k != 0 && kept[k] <= kept[k - 1]))
          raise<value_error>(who, ": channel ", kept[k], " cannot stay in place ", k,
                             ": kept channels ascend, and are below ", cols);
        given[kept[k]] = 0;
      }
      auto sums = checked_array<double>(who, rows);
      for_each_range(exec, rows, cols, [&](std::size_t begin, std::size_t end) {
        row_reader read(w);
        for (std::size_t i = begin; i < end; ++i) {
          const auto row = read(i);
          double sum = bias.empty() ? 0.0 : bias[i];
          for (std::size_t j = 0; j < cols; ++j)
            if (given[j] != 0) sum += rounded(static_cast<double>(row[j]) * given[j]);
          sums[i] = sum;
        }
      });
      for (std::size_t i = 0; i < rows; ++i)
        if (!is_finite(sums[i]))
          raise<value_error>(who, ": row ", i, " has a weight that is not finite, or a bias of ",
                             sums[i]);
      return sums;
    });
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::structure {

/// Returns FLAP's importance of each input channel of a weight (an output or down projection):
/// channel_fluctuation([exec,] W, variances, metric).
///
///     wifv:  score(j) = variance(j) * sum over i of W[i, j]^2
///     ifv:   score(j) = variance(j)
///
/// W is (out_features, in_features), any tensor. `variances` are those of its input
/// (stat::column_variance). A channel that hardly varies can be replaced by its mean
/// (bias_of_dropped), whatever that is. Sums are over rows in order, in double, the same for any
/// executor and layout. Source: An et al. 2024, FLAP (arXiv 2312.11983).
/// @throws shape_error if there is not one variance for each column
/// @throws value_error if a variance is negative, or a weight, a variance or a score not finite
inline constexpr tamp::detail::channel_fluctuation_function channel_fluctuation{};

/// Returns what the dropped input channels gave on average, as a bias of the weight's outputs:
/// bias_of_dropped([exec,] W, means, kept, bias).
///
///     result(i) = bias(i) + sum over dropped j of W[i, j] mean(j)
///
/// `means` are those of the input (stat::column_variance), `kept` the channels that stay, ascending,
/// and `bias` that of the layer, or empty. W is the weight before its columns leave. A model without
/// biases gets one by this; where its format has none, the correction must be left out.
/// Source: An et al. 2024, FLAP (arXiv 2312.11983), the baseline bias compensation.
/// @throws shape_error if means or bias do not fit W
/// @throws value_error if kept channels do not ascend, or a number is not finite
inline constexpr tamp::detail::bias_of_dropped_function bias_of_dropped{};

}  // namespace tamp::inline TAMP_FLAGS::structure
