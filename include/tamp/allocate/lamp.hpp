#pragma once

/// @file
/// Layer-adaptive magnitudes, which compete across the whole model.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/drop_count.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/ordered_key.hpp"
#include "../detail/radix_selection.hpp"
#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../role.hpp"
#include "../score/detail/scored_rows.hpp"
#include "../score/magnitude.hpp"
#include "allocation.hpp"
#include "detail/lowest_of_all.hpp"
#include "detail/units.hpp"

namespace tamp::inline TAMP_FLAGS::allocate {

/// Layer-adaptive magnitude: all weights of the model compete by their squares, relative to the sum
/// of squares of the weights of their layer that are not smaller.
///
/// Use it with score::magnitude and no calibration data. It reads the weights three times, or up to
/// eight times if the layers have fewer than a million on average, and sorts them each time.
///
///     lamp(r) = w(r)^2 / sum over r' >= r of w(r')^2     r: rank of |w| within its layer
///     drop    = the floor(number of weights * sparsity) lowest lamp(r) of the whole model
///
/// The result is the number of weights that each unit loses. The recipe's score decides which ones.
/// A layer's largest weight scores 1, so that every layer keeps some weights until the others are
/// down to their last one. Zeros score 0, and a layer of zeros is dropped first. Ties: the lower
/// unit loses first. Scores are doubles, summed from the largest weight down, so that the result
/// does not depend on the executor. Memory: the magnitudes of the largest layer twice, and at
/// most 32 MB.
///
/// Source: Lee et al. 2021 (arXiv 2010.07611), eq. 1.
struct lamp {
  using role = tamp::role::allocate;
  static constexpr granularity unit = granularity::layer;

  double sparsity = 0.5;

  std::string label() const { return detail::sentence("lamp ", sparsity); }

  /// Counts the weights that each unit loses.
  /// @throws value_error if the sparsity is not in [0, 1], or if a weight is not finite or too
  ///         large to be squared, naming it
  template <executor E, class Units>
  allocation operator()(const E& exec, const Units& units) const {
    const detail::ieee_arithmetic as_usual;
    detail::check_sparsity(sparsity);
    const std::vector<std::size_t> num_params = detail::num_params_of(units);
    const std::size_t size = detail::total_params("lamp", num_params);
    const std::size_t drop = detail::drop_count(size, sparsity);
    allocation answer{std::vector<double>(units.size(), sparsity), {}};
    answer.drops = drop == 0      ? std::vector<std::size_t>(units.size(), 0)
                   : drop == size ? num_params
                                  : lowest(exec, units, size, drop);
    for (std::size_t u = 0; u < units.size(); ++u)
      answer.sparsities[u] =
          detail::sparsity_that_drops(answer.drops[u], num_params[u], 1, sparsity);
    return answer;
  }

  friend bool operator==(const lamp&, const lamp&) = default;

 private:
  /// Returns the number of the model's `drop` lowest scores in each unit. Scores are recomputed for
  /// each digit rather than stored.
  template <executor E, class Units>
  static std::vector<std::size_t> lowest(const E& exec, const Units& units, std::size_t size,
                                         std::size_t drop) {
    // Scores lie in [0, 1]. Their keys agree in the highest bit.
    const int width = detail::digit_width(size, units.size(), 63, 21);
    const detail::radix_selection<std::uint64_t> find(drop, width, detail::ordered_key(0.0), 1);
    return detail::lowest_of_all("lamp", units.size(), find, [&](std::size_t u, auto& keys) {
      for_each_key(exec, units, u, [&](std::uint64_t key) { keys.add(key); });
    });
  }

  /// Calls use(ordered key of the score) for every weight of a unit.
  template <executor E, class Units, class Use>
  static void for_each_key(const E& exec, const Units& units, std::size_t unit, const Use& use) {
    units.visit(unit, [&](std::string_view layer, const auto& weight, const auto&) {
      const auto magnitudes = sorted_magnitudes(exec, layer, weight);
      double sum = 0;
      for (std::size_t r = magnitudes.size(); r-- > 0;) {
        const double square = static_cast<double>(magnitudes[r]) * magnitudes[r];
        sum += square;
        if (!is_finite(sum))
          detail::raise<value_error>("lamp: the squares of the weights of ", layer,
                                     " are too large to be summed");
        use(detail::ordered_key(sum == 0 ? 0.0 : square / sum));
      }
    });
  }

  /// The values of |W| in ascending order.
  template <executor E, class Source>
  static auto sorted_magnitudes(const E& exec, std::string_view layer, const Source& weight) {
    const score::magnitude score;
    const detail::scored_rows scored(weight, score, {});
    auto all = detail::checked_array<typename decltype(scored)::score_type>(
        "lamp", scored.rows() * scored.cols());
    scored.for_each_range(exec, [&](auto&& read_scores, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i)
        std::ranges::copy(read_scores(i),
                          all.begin() + static_cast<std::ptrdiff_t>(i * scored.cols()));
    });
    scored.raise_if_broken("lamp", layer, score);
    sort(all);
    return all;
  }

  /// Sorts by a least significant digit radix sort, which is stable.
  template <class Real>
  static void sort(std::vector<Real>& numbers) {
    using key_type = decltype(detail::ordered_key(Real{}));
    constexpr int bits = std::numeric_limits<key_type>::digits, width = 11;
    constexpr key_type mask = (key_type{1} << width) - 1;
    std::vector<Real> sorted(numbers.size());
    for (int shift = 0; shift < bits; shift += width) {
      std::array<std::size_t, mask + 2> place{};
      for (const Real x : numbers) ++place[(detail::ordered_key(x) >> shift & mask) + 1];
      std::partial_sum(place.begin(), place.end(), place.begin());
      for (const Real x : numbers) sorted[place[detail::ordered_key(x) >> shift & mask]++] = x;
      numbers.swap(sorted);
    }
  }
};

}  // namespace tamp::inline TAMP_FLAGS::allocate
