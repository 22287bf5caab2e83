#pragma once

/// @file
/// The change of the residual stream by a block.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../model/observable.hpp"
#include "../tensor/detail/erased_rows.hpp"
#include "../tensor/detail/finite.hpp"
#include "../tensor/rows.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The mean over tokens of 1 - cos(before, after), which is a block's influence on the residual
/// stream.
///
///     cos(t)    = <before[t], after[t]> / (||before[t]|| ||after[t]||)
///     influence = 1 / tokens * sum over tokens t of (1 - cos(t))
///
/// `before` and `after` are (tokens, hidden). The influence lies in [0, 2]. A block with influence
/// 0 could be left out. A token that is zero before and after has not changed (1 - cos = 0). A
/// token that is zero on only one side counts as turned by a right angle (1 - cos = 1). Products
/// are summed in double, and tokens in order. The result is the same for any number of threads and
/// any layout. Another split into calls changes it by rounding alone. Memory: two numbers.
///
/// Source: Men et al. 2024, ShortGPT (arXiv 2403.03853), the block influence.
class [[nodiscard]] hidden_change : public tamp::detail::adds_anywhere<hidden_change> {
 public:
  using tamp::detail::adds_anywhere<hidden_change>::add;

  static constexpr observable reads = observable::hidden;
  static constexpr std::string_view label() { return "hidden_change"; }

  /// Adds the residual stream of one sequence before and after the block.
  /// @throws shape_error if the two differ in shape
  /// @throws value_error if a number is not finite or too large to be squared, or there are more
  ///         tokens than can be counted; nothing is added then
  template <executor E, tensor_argument Before, tensor_argument After>
  hidden_change& add(const E& exec, const Before& before, const After& after) {
    const detail::ieee_arithmetic as_usual;
    detail::with_sources([&](const auto& b, const auto& a) { add_states(exec, b, a); }, before,
                         after);
    return *this;
  }

  /// Adds the data of another accumulator, as if its sequences had been added here.
  /// @throws value_error if together they have more tokens than can be counted
  hidden_change& combine(const hidden_change& other) {
    const detail::ieee_arithmetic as_usual;
    tokens_ = detail::checked_sum<value_error>(label(), tokens_, other.tokens_);
    sum_[0] += other.sum_[0];
    return *this;
  }

  /// The number of tokens added.
  std::uint64_t tokens() const noexcept { return tokens_; }
  /// Returns the mean change; 0 while tokens() is 0.
  [[nodiscard]] double influence() const noexcept {
    const detail::ieee_arithmetic as_usual;
    return tokens_ == 0 ? 0.0 : sum_[0] / static_cast<double>(tokens_);
  }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("sum_of_changes", self.sum_);
    visit("tokens", self.tokens_);
  }

  /// Checks values that were read from a file.
  /// @throws value_error if they contradict each other
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    if (sum_.size() != 1)
      detail::raise<value_error>("hidden_change: there are ", sum_.size(),
                                 " sums of changes instead of 1");
    // A change is at most 2. The margin allows for the rounding of a sum of many.
    const double most = 2 * static_cast<double>(tokens_) * (1 + 1e-9);
    if (!(detail::is_nonnegative(sum_[0]) && sum_[0] <= most))
      detail::raise<value_error>("hidden_change: the changes of ", tokens_, " tokens sum up to ",
                                 sum_[0]);
  }

  friend bool operator==(const hidden_change&, const hidden_change&) = default;

 private:
  template <executor E, class Before, class After>
  void add_states(const E& exec, const Before& b, const After& a) {
    const auto tokens = static_cast<std::size_t>(b.rows());
    const auto hidden = static_cast<std::size_t>(b.cols());
    if (static_cast<std::size_t>(a.rows()) != tokens ||
        static_cast<std::size_t>(a.cols()) != hidden)
      detail::raise<shape_error>("hidden_change: the hidden state is ", tokens, " x ", hidden,
                                 " before the block and ", a.rows(), " x ", a.cols(), " after it");
    const std::uint64_t all_tokens = detail::checked_sum<value_error>(label(), tokens_, tokens);
    if (hidden == 0) {  // tokens without features do not change, however many they are
      tokens_ = all_tokens;
      return;
    }
    auto changes = detail::checked_array<double>(label(), tokens);
    detail::for_each_range(exec, tokens, [&](std::size_t begin, std::size_t end) {
      detail::row_reader read_before(b);
      detail::row_reader read_after(a);
      for (std::size_t t = begin; t < end; ++t) changes[t] = change(read_before(t), read_after(t));
    });
    for (std::size_t t = 0; t < tokens; ++t)
      if (!is_finite(changes[t])) refuse(b, a, t);
    sum_[0] += std::accumulate(changes.begin(), changes.end(), 0.0);
    tokens_ = all_tokens;
  }

  template <class Before, class After>
  static double change(std::span<const Before> before, std::span<const After> after) noexcept {
    double dot = 0, bb = 0, aa = 0;
    for (std::size_t j = 0; j < before.size(); ++j) {
      const double b = before[j], a = after[j];
      dot += b * a;
      bb += b * b;
      aa += a * a;
    }
    if (!is_finite(bb) || !is_finite(aa)) return bb + aa;
    if (bb == 0 || aa == 0) return bb == aa ? 0.0 : 1.0;
    return 1 - std::clamp(dot / (std::sqrt(bb) * std::sqrt(aa)), -1.0, 1.0);
  }

  template <class Before, class After>
  [[noreturn]] static void refuse(const Before& before, const After& after, std::size_t token) {
    const auto look = [&](const auto& state, std::string_view when) {
      if (const auto at = detail::first_not_finite(state, token, token + 1))
        detail::raise<value_error>("hidden_change: ", when, " the block, token ", token,
                                   ", feature ", at.column, " is ", at.value);
    };
    look(before, "before");
    look(after, "after");
    detail::raise<value_error>("hidden_change: the squares of token ", token,
                               " are too large to be summed");
  }

  std::vector<double> sum_ = {0.0};
  std::uint64_t tokens_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
