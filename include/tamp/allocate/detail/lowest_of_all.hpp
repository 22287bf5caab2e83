#pragma once

/// @file
/// The lowest keys of the weights of all units, which compete across the model.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../../detail/radix_selection.hpp"
#include "../../error.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The keys of one unit, counted by their digits in one round of a radix selection. Threads may
/// count apart, and combine what they counted.
template <class Key>
class counted_keys {
 public:
  counted_keys(std::string_view policy, const radix_selection<Key>& find)
      : find_(&find), counts_(checked_array<std::size_t>(policy, find.digits())) {}

  void add(Key key) noexcept {
    if (find_->is_open(key))
      ++counts_[find_->digit(key)];
    else
      below_ += key < find_->key();
  }
  void combine(const counted_keys& other) noexcept {
    for (std::size_t d = 0; d < counts_.size(); ++d) counts_[d] += other.counts_[d];
    below_ += other.below_;
  }

  const radix_selection<Key>& find() const noexcept { return *find_; }
  const std::vector<std::size_t>& counts() const noexcept { return counts_; }
  /// The number of keys below all open ones.
  std::size_t below() const noexcept { return below_; }

 private:
  const radix_selection<Key>* find_;
  std::vector<std::size_t> counts_;
  std::size_t below_ = 0;
};

/// Returns a width of the digits, at most `widest`, of keys with `bits` unknown bits: with wide digits
/// the keys are read in fewer rounds, and with narrow ones a unit of few keys has few counts.
///
///     most   = the bits of the number keys / units, at least 8 and at most `widest`
///     rounds = ceil(bits / most)        width = ceil(bits / rounds)
inline int digit_width(std::size_t keys, std::size_t units, int bits, int widest) noexcept {
  const auto of_unit = static_cast<int>(std::bit_width(keys / (std::max)(units, std::size_t{1})));
  const int most = std::clamp(of_unit, (std::min)(8, widest), widest);
  const int rounds = (bits + most - 1) / most;
  return (bits + rounds - 1) / rounds;
}

/// Returns how many of the `drop` lowest keys of all units lie in each unit. Ties: those of lower
/// units are dropped first.
///
/// `count(unit, counted_keys)` adds every key of a unit, once for each digit of the radix selection
/// `find`. The last round notes for each unit how many keys there are of each digit, so that no
/// further round is needed. Memory: one count for each digit, and in the last round a pair of
/// numbers for each digit that occurs among the open keys of a unit.
/// @throws value_error if there are fewer keys than `drop` in one of the rounds
template <class Key, class Count>
std::vector<std::size_t> lowest_of_all(std::string_view policy, std::size_t units,
                                       radix_selection<Key> find, const Count& count) {
  struct digit_count {
    std::size_t digit, keys;
  };
  std::vector<std::size_t> dropped(units, 0);
  std::vector<std::vector<digit_count>> open(units);  // in the last round
  while (!find.is_done()) {
    auto total = checked_array<std::size_t>(policy, find.digits());
    for (std::size_t u = 0; u < units; ++u) {
      counted_keys<Key> here(policy, find);
      count(u, here);
      for (std::size_t d = 0; d < total.size(); ++d) {
        total[d] += here.counts()[d];
        if (find.is_last() && here.counts()[d] != 0) open[u].push_back({d, here.counts()[d]});
      }
      dropped[u] = here.below();
    }
    const bool is_last = find.is_last();
    if (!find.enter(total))
      raise<value_error>(policy, ": the weights are not the same each time they are read");
    if (!is_last) continue;
    const std::size_t sought = find.key() & (total.size() - 1);
    std::size_t ties = find.rank();
    for (std::size_t u = 0; u < units; ++u)
      for (const auto& [digit, keys] : open[u]) {
        if (digit > sought) break;
        const std::size_t lost = digit < sought ? keys : (std::min)(keys, ties);
        dropped[u] += lost;
        if (digit == sought) ties -= lost;
      }
  }
  return dropped;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
