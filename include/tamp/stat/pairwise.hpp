#pragma once

/// @file
/// Statistics that are summed up in a fixed binary tree.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../model/observable.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// A statistic whose sequences are summed up in a binary tree that depends on their numbers alone.
/// However the sequences are divided among machines, jobs or files, the total has the same bits:
///
///     stat::pairwise<stat::column_norm> first({}, 0), second({}, 3);
///     first.add(x0).add(x1).add(x2);   // on one machine
///     second.add(x3).add(x4);          // on another
///     first.combine(second).total();   // as if one had added x0 to x4
///
/// The numbers [first, end) of the sequences are divided into the fewest ranges of 2^k sequences
/// that begin at a multiple of 2^k. Each range has one sum, which is that of its two halves. The
/// total adds the ranges of [0, end), from the last one on. Memory: at most 2 log2(end - first)
/// statistics.
///
/// Source: pairwise summation, Higham 1993 (doi 10.1137/0914050), whose rounding errors grow with
/// the logarithm of the number of sequences.
template <class Statistic>
class [[nodiscard]] pairwise : public tamp::detail::adds_anywhere<pairwise<Statistic>> {
 public:
  using tamp::detail::adds_anywhere<pairwise<Statistic>>::add;

  static constexpr observable reads = observables_read<Statistic>;

  pairwise() = default;
  /// Starts with the sequence number `first` of all. Each sequence begins as a copy of `empty`.
  explicit pairwise(Statistic empty, std::uint64_t first = 0)
      : empty_(std::move(empty)), first_(first), end_(first) {}

  std::string label() const { return detail::sentence("pairwise ", empty_.label()); }

  /// Adds the next sequence: what `Statistic::add` takes.
  /// @throws the errors of Statistic::add and Statistic::combine; nothing is added then
  template <executor E, class... Data>
    requires requires(const E& exec, Statistic& one, const Data&... data) {
      one.add(exec, data...);
    }
  pairwise& add(const E& exec, const Data&... data) {
    Statistic one = empty_;
    one.add(exec, data...);
    append({1, std::move(one)});
    return *this;
  }

  /// Counts the next sequence, which shows nothing here, such as to an expert without tokens.
  pairwise& skip() {
    append({1, empty_});
    return *this;
  }

  /// Adds the sequences of another accumulator, which must be neighbours of those here.
  /// @throws value_error if they are not; nothing is combined then
  /// @throws the errors of Statistic::combine; nothing is combined then
  pairwise& combine(const pairwise& other) {
    if (other.first_ == other.end_) return *this;
    if (first_ == end_) {
      ranges_ = other.ranges_;
      first_ = other.first_;
      end_ = other.end_;
      return *this;
    }
    if (other.first_ != end_ && other.end_ != first_)
      detail::raise<value_error>(label(), ": sequences ", first_, " to ", end_, " and ",
                                 other.first_, " to ", other.end_, " are no neighbours");
    const bool is_behind = other.first_ == end_;
    pairwise sum = is_behind ? *this : other;
    for (const range& part : (is_behind ? other : *this).ranges_) sum.append(part);
    ranges_ = std::move(sum.ranges_);
    first_ = sum.first_;
    end_ = sum.end_;
    return *this;
  }

  /// The sequences that were added are [first(), end()).
  std::uint64_t first() const noexcept { return first_; }
  std::uint64_t end() const noexcept { return end_; }

  /// Returns the sum of all sequences.
  /// @throws value_error if the sequences before `first` are missing
  /// @throws the errors of Statistic::combine
  [[nodiscard]] Statistic total() const {
    if (first_ != 0 && first_ != end_)
      detail::raise<value_error>(label(), ": sequences 0 to ", first_, " are missing");
    if (ranges_.empty()) return empty_;
    Statistic sum = ranges_.back().sum;
    for (std::size_t k = ranges_.size() - 1; k-- > 0;) sum.combine(ranges_[k].sum);
    return sum;
  }

  /// The number of tokens of all sequences.
  std::uint64_t tokens() const noexcept {
    std::uint64_t all = 0;
    for (const range& part : ranges_) all += part.sum.tokens();
    return all;
  }

  /// Calls visit(name, value) for all values, for files. The ranges follow from the numbers of the
  /// sequences, which are visited first.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("first", self.first_);
    visit("end", self.end_);
    if constexpr (!std::is_const_v<Self>) self.make_ranges();
    for (std::size_t k = 0; k < self.ranges_.size(); ++k)
      Statistic::fields(self.ranges_[k].sum, [&](std::string_view name, auto& value) {
        visit(std::string_view(detail::sentence(k, '.', name)), value);
      });
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    if (first_ > end_)
      detail::raise<value_error>(label(), ": sequences ", first_, " to ", end_,
                                 " cannot have been added");
    for (const range& part : ranges_) part.sum.validate();
  }

  friend bool operator==(const pairwise&, const pairwise&) = default;

 private:
  struct range {
    std::uint64_t sequences;
    Statistic sum;
    friend bool operator==(const range&, const range&) = default;
  };

  // Adds the range that begins at end_. It joins the one before it as long as the two are the
  // halves of a range of the tree.
  void append(range next) {
    const std::uint64_t end = detail::checked_sum<value_error>("pairwise", end_, next.sequences);
    std::size_t kept = ranges_.size();
    std::uint64_t begin = end_;
    while (kept != 0 && ranges_[kept - 1].sequences == next.sequences &&
           (begin - next.sequences) % (2 * next.sequences) == 0) {
      next.sum.combine(ranges_[--kept].sum);
      begin -= next.sequences;
      next.sequences *= 2;
    }
    ranges_.reserve(kept + 1);
    ranges_.resize(kept, range{0, empty_});
    ranges_.push_back(std::move(next));
    end_ = end;
  }

  // Makes the ranges of [first_, end_), unless they are there.
  void make_ranges() {
    std::size_t k = 0;
    for (std::uint64_t begin = first_; begin < end_; ++k) {
      std::uint64_t size = begin == 0 ? std::uint64_t{1} << 63 : begin & (~begin + 1);
      while (size > end_ - begin) size /= 2;
      if (k < ranges_.size() && ranges_[k].sequences != size) ranges_.resize(k, range{0, empty_});
      if (k == ranges_.size()) ranges_.push_back({size, empty_});
      begin += size;
    }
    ranges_.resize(k, range{0, empty_});
  }

  Statistic empty_{};
  std::uint64_t first_ = 0, end_ = 0;
  std::vector<range> ranges_;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
