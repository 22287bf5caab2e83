#pragma once

/// @file
/// The relative importance of a weight: its share of its row and of its column.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../simd/finite_checks.hpp"
#include "../simd/row_sums.hpp"
#include "../simd/score_row.hpp"
#include "../stat/column_norm.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"
#include "detail/score_forms.hpp"

namespace tamp::inline TAMP_FLAGS::score {

/// Keeps the weights with the largest shares of their row and of their column, scaled by the input
/// norm: relative importance and activations.
///
/// Use it where score::wanda would drop whole input or output channels, and with n:m patterns.
///
///     score(i, j) = (|w(i, j)| / sum_k |w(i, k)|  +  |w(i, j)| / sum_k |w(k, j)|) * norm(j)^alpha
///
/// A zero weight scores zero, also in a row or column of zeros. The sums are in double and do not
/// depend on the executor. The weight is read once more than by an elementwise score. alpha and the
/// norms must be at least 0.
/// Source: Zhang et al. 2024, Plug-and-Play (ICLR 2024, "RIA").
struct ria {
  using role = tamp::role::score;
  using needs = stat::column_norm;

  double alpha = 0.5;

  std::string label() const { return alpha == 0.5 ? "ria" : detail::sentence("ria ", alpha); }

  /// The score bound to the sums of one weight. A sum of nothing but zeros is kept as 1, so that
  /// the shares of its zeros are 0 without a branch, which would keep the compiler from vectors.
  template <class Real>
  struct bound {
    using bound_score_type = Real;
    std::vector<Real> row_sums, column_sums, norms;

    template <class Element>
    auto operator()(std::size_t i, std::span<Element> weights, std::span<Real> scores) const {
      const auto share = [row_sum = row_sums[i], sums = column_sums.data(), norm = norms.data()](
                             Real weight, std::size_t j) {
        const Real size = std::fabs(weight);
        return (size / row_sum + size / sums[j]) * norm[j];
      };
      return detail::with_row_scores([&](auto loops) {
        return loops.template score_row<true>(weights.data(), weights.size(), share, scores.data());
      });
    }
  };

  /// Reads the weight for its sums. `norms` has one number for each column.
  /// @throws value_error if alpha is negative or not finite, if a norm to the power of alpha is not
  ///         finite, or if the sum of finite weights of a row or column overflows
  template <executor E, class Source>
  auto bind(const E& exec, const Source& weight, std::span<const float> norms) const {
    using real = detail::row_value<Source>;
    if (!detail::is_nonnegative(alpha))
      detail::raise<value_error>("ria: alpha is a finite number of at least 0, not ", alpha);
    const auto rows = static_cast<std::size_t>(weight.rows());
    const auto cols = static_cast<std::size_t>(weight.cols());
    bound<real> sums{std::vector<real>(rows), std::vector<real>(cols), std::vector<real>(cols)};

    // The slices of rows do not depend on the number of threads. Their column sums are added in
    // order.
    constexpr std::size_t slice = 256;
    std::vector<std::vector<double>> of_slice((rows + slice - 1) / slice);
    detail::for_each_range(
        exec, of_slice.size(), slice * cols, [&](std::size_t begin, std::size_t end) {
          detail::row_reader read(weight);
          for (std::size_t s = begin; s < end; ++s) {
            of_slice[s].resize(cols);
            for (std::size_t i = s * slice; i < (std::min)((s + 1) * slice, rows); ++i) {
              const auto add = [&](auto row) {
                return detail::with_row_sums([&](auto loops) {
                  return loops.add_absolute(row.data(), cols, of_slice[s].data());
                });
              };
              sums.row_sums[i] = static_cast<real>(detail::with_elements(weight, read, i, add));
            }
          }
        });
    for (std::size_t j = 0; j < cols; ++j) {
      double column_sum = 0;
      for (const auto& part : of_slice) column_sum += part[j];
      sums.column_sums[j] = static_cast<real>(column_sum);
      sums.norms[j] = static_cast<real>(std::pow(static_cast<double>(norms[j]), alpha));
      if (!is_finite(sums.norms[j]))
        detail::raise<value_error>("ria: the norm of column ", j, " is ", norms[j],
                                   ", which has no finite power of ", alpha);
    }
    check_sums("row", sums.row_sums, weight);
    check_sums("column", sums.column_sums, weight);
    std::replace(sums.row_sums.begin(), sums.row_sums.end(), real{0}, real{1});
    std::replace(sums.column_sums.begin(), sums.column_sums.end(), real{0}, real{1});
    return sums;
  }

  friend bool operator==(const ria&, const ria&) = default;

 private:
  // A share of an infinite sum would be zero. If a weight is not finite, the scores show it, and
  // select names the weight.
  template <class Real, class Source>
  static void check_sums(std::string_view what, const std::vector<Real>& sums,
                         const Source& weight) {
    const auto broken =
        std::find_if(sums.begin(), sums.end(), [](Real s) { return !is_finite(s); });
    if (broken == sums.end()) return;
    detail::row_reader<Source> read(weight);
    for (std::size_t i = 0; i < static_cast<std::size_t>(weight.rows()); ++i)
      if (!detail::with_finite_checks(
              [&](auto loops) { return detail::row_is_finite(loops, weight, read, i); }))
        return;
    detail::raise<value_error>("ria: the weights of ", what, ' ', broken - sums.begin(),
                               " are too large to be summed");
  }
};

}  // namespace tamp::inline TAMP_FLAGS::score

namespace tamp::inline TAMP_FLAGS::detail {
template <class Real>
inline constexpr bool looks_at_rows_by_test<score::ria::bound<Real>> = true;
}  // namespace tamp::inline TAMP_FLAGS::detail
