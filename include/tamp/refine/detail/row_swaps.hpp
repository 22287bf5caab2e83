#pragma once

/// @file
/// Swaps of a kept weight of a row for a dropped one, each the best of all.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../../mask/bitmask.hpp"
#include "../../simd/swap_costs.hpp"
#include "../../tensor/view.hpp"
#include "gram_matrix.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The swaps of the rows of one layer, for one thread.
///
/// With w the row's weights, r those that are dropped and c = r G, swapping the kept weight u for
/// the dropped weight p changes the row's error r G r by
///
///     d(u, p) = drop(u) + restore(p) - 2 w(u) w(p) G(u, p)
///     drop(u) = 2 w(u) c(u) + w(u)^2 G(u, u),  restore(p) = w(p)^2 G(p, p) - 2 w(p) c(p)
///
/// A swap costs a few passes over the row, instead of one over all pairs. The best pairs with the
/// weight of least drop(u) and with that of least restore(p) bound the least d from above. Since
/// |G(u, p)| <= reaches(u) lengths(p) and <= reaches(p) lengths(u), most u and p cannot be in a pair
/// as good as that, and d is computed for the pairs of the others that can. Bounds are compared with
/// room for their rounding errors, so that the pair is that of a search through all pairs.
class row_swaps {
 public:
  /// Pairs are within groups of `group` columns, or anywhere in the row if it is 0.
  row_swaps(matrix_view<const double> gram, const gram_bounds& bounds, std::size_t group)
      : gram_(gram), bounds_(bounds), group_(group), cols_(gram.cols()) {
    padded_ = (cols_ + padding - 1) / padding * padding;
    for (auto* numbers : {&weights_, &squares_, &slopes_, &sides_, &products_, &drop_, &restore_,
                          &reaches_, &lengths_, &some_costs_, &some_lengths_})
      numbers->assign(padded_, 0.0);
    for (auto* places : {&kept_, &dropped_, &within_}) places->resize(padded_);
  }

  /// False if the errors of this row may leave the range of double.
  bool can_take(std::span<const double> weights) const {
    double total = 0;
    for (std::size_t j = 0; j < cols_; ++j) total += std::abs(weights[j]) * bounds_.lengths[j];
    return total < 1e140;
  }

  /// Makes at most `most` swaps in a row, each with d < least, and returns their number. `products`
  /// is c, and `keep` is the mask; both change with it.
  std::size_t operator()(std::span<const double> weights, std::span<double> products,
                         std::span<mask::word> keep, std::size_t most, double least) {
    return with_swap_costs([&](auto loops) {
      static_assert(loops.swap_padding == padding);
      set_row(weights, products, keep);
      std::size_t made = 0;
      for (; made < most; ++made) {
        const extreme_costs found =
            loops.costs(squares_.data(), slopes_.data(), sides_.data(), products_.data(),
                        lengths_.data(), padded_, drop_.data(), restore_.data());
        if (found.drop == no_cost || found.restore == no_cost) break;
        const pair best = group_ == 0 ? best_of_row(loops, found, least) : best_of_groups();
        if (!(best.change < least)) break;
        swap(best.kept, best.dropped, keep);
        loops.exchange(weights_[best.kept], row(best.kept), weights_[best.dropped],
                       row(best.dropped), cols_, products_.data());
      }
      std::copy_n(products_.begin(), cols_, products.begin());
      return made;
    });
  }

 private:
  static constexpr std::size_t padding = 8;

  struct pair {
    double change = no_cost;
    std::size_t kept = 0, dropped = 0;
  };

  const double* row(std::size_t j) const noexcept { return &gram_(j, 0); }

  void set_row(std::span<const double> weights, std::span<const double> products,
               std::span<const mask::word> keep) {
    std::copy(weights.begin(), weights.end(), weights_.begin());
    std::copy(products.begin(), products.end(), products_.begin());
    for (std::size_t j = 0; j < cols_; ++j) {
      const double size = std::abs(weights[j]);
      squares_[j] = weights[j] * weights[j] * bounds_.squares[j];
      reaches_[j] = 2 * size * bounds_.reaches[j];
      lengths_[j] = size * bounds_.lengths[j];
      set_side(j, keep[j / mask::word_bits] >> (j % mask::word_bits) & 1u);
    }
    largest_product_ = *std::max_element(reaches_.begin(), reaches_.end()) *
                       *std::max_element(lengths_.begin(), lengths_.end());
  }
  void set_side(std::size_t j, bool is_kept) {
    sides_[j] = is_kept ? 1.0 : -1.0;
    slopes_[j] = 2 * weights_[j] * sides_[j];
  }

  void swap(std::size_t kept, std::size_t dropped, std::span<mask::word> keep) {
    for (const std::size_t j : {kept, dropped})
      keep[j / mask::word_bits] ^= mask::word{1} << (j % mask::word_bits);
    set_side(kept, false);
    set_side(dropped, true);
  }

  double change_of(std::size_t kept, std::size_t dropped) const noexcept {
    const double both = weights_[kept] * weights_[dropped];
    return (drop_[kept] + restore_[dropped]) - rounded_product(2 * both, row(kept)[dropped]);
  }
  // Replaces `best` by a pair that is better, or as good and earlier.
  void improve(pair& best, std::size_t kept, std::size_t dropped) const noexcept {
    const double change = change_of(kept, dropped);
    if (change < best.change ||
        (change == best.change &&
         (kept < best.kept || (kept == best.kept && dropped < best.dropped))))
      best = {change, kept, dropped};
  }

  pair best_of_groups() const {
    pair best;
    for (std::size_t begin = 0; begin < cols_; begin += group_) {
      const std::size_t end = (std::min)(begin + group_, cols_);
      for (std::size_t u = begin; u < end; ++u)
        if (sides_[u] > 0)
          for (std::size_t p = begin; p < end; ++p)
            if (sides_[p] < 0) improve(best, u, p);
    }
    return best;
  }

  // A pair of least change, if that is below `least`.
  template <class Loops>
  pair best_of_row(Loops loops, const extreme_costs& found, double least) {
    const std::size_t u = loops.place_of_least(drop_.data(), found.drop, padded_),
                      p = loops.place_of_least(restore_.data(), found.restore, padded_);
    double limit = (std::min)({least,
                               loops.least_exchange(drop_[u], weights_[u], row(u), restore_.data(),
                                                    weights_.data(), cols_),
                               loops.least_exchange(restore_[p], weights_[p], row(p), drop_.data(),
                                                    weights_.data(), cols_)});
    const auto longest = [](const std::vector<double>& sizes, std::span<const std::uint32_t> at) {
      double most = 0;
      for (const std::uint32_t j : at) most = (std::max)(most, sizes[j]);
      return most;
    };
    // Far more than the rounding errors of any d and of any bound.
    const double room = 1e-13 * (found.largest + largest_product_);
    std::span<const std::uint32_t> kept =
        within(loops, drop_, reaches_, found.length, limit + room - found.restore, kept_);
    std::span<const std::uint32_t> dropped = within(
        loops, restore_, reaches_, longest(lengths_, kept), limit + room - found.drop, dropped_);
    // Where reaches differ, a shorter list of the dropped weights makes that of the kept ones
    // shorter, too.
    kept = within(loops, drop_, reaches_, longest(lengths_, dropped), limit + room - found.restore,
                  kept_);
    const std::size_t size = dropped.size(), padded = (size + padding - 1) / padding * padding;
    std::fill(some_costs_.begin(), some_costs_.begin() + static_cast<std::ptrdiff_t>(padded),
              no_cost);
    for (std::size_t k = 0; k < size; ++k) {
      some_costs_[k] = restore_[dropped[k]];
      some_lengths_[k] = lengths_[dropped[k]];
    }
    pair best;
    for (const std::uint32_t j : kept) {
      const std::size_t some =
          loops.places_within(some_costs_.data(), some_lengths_.data(), reaches_[j],
                              limit + room - drop_[j], padded, within_.data());
      for (std::size_t k = 0; k < some; ++k) {
        const std::size_t other = dropped[within_[k]];
        improve(best, j, other);
      }
      limit = (std::min)(limit, best.change);
    }
    return best;
  }

  template <class Loops>
  std::span<const std::uint32_t> within(Loops loops, const std::vector<double>& costs,
                                        const std::vector<double>& reaches, double length,
                                        double limit, std::vector<std::uint32_t>& places) const {
    return {places.data(), loops.places_within(costs.data(), reaches.data(), length, limit, padded_,
                                               places.data())};
  }

  matrix_view<const double> gram_;
  const gram_bounds& bounds_;
  std::size_t group_, cols_, padded_ = 0;
  std::vector<double> weights_, squares_, slopes_, sides_, products_, drop_, restore_;
  std::vector<double> reaches_, lengths_;  // of weights: 2 |w| reaches and |w| lengths
  std::vector<double> some_costs_, some_lengths_;
  double largest_product_ = 0;
  std::vector<std::uint32_t> kept_, dropped_, within_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
