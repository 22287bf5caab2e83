#pragma once

/// @file
/// The norm of each input feature over selected tokens.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "../execute/adds_anywhere.hpp"
#include "../model/layer_sample.hpp"
#include "../model/observable.hpp"
#include "../tensor/rows.hpp"
#include "amia_select.hpp"
#include "column_norm.hpp"
#include "concepts.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// The statistic stat::column_norm over selected tokens of each sample, which count 1 each.
///
///     norm(j) = sqrt( sum over selected tokens t of X[t, j]^2 / number of selected tokens )
///
/// The selector is called with the sample's output, modalities and attention, and names tokens. The
/// result does not depend on the order in which it names them.
/// Source: Lee et al. 2025, TAMP (arXiv 2504.09897).
template <class Selector = stat::amia_select>
class [[nodiscard]] selected_norm : public tamp::detail::adds_anywhere<selected_norm<Selector>> {
  static_assert(selector<Selector>,
                "a selector is a value that is called with (exec, output, kinds, attention) and "
                "returns the places of the tokens it takes (see tamp::stat::selector)");

 public:
  using tamp::detail::adds_anywhere<selected_norm<Selector>>::add;

  static constexpr observable reads =
      observable::input | observable::output | observable::last_query | observable::modality;

  selected_norm() = default;
  explicit selected_norm(Selector selector) : selector_(std::move(selector)) {}

  std::string label() const { return "selected_norm " + selector_.label(); }

  /// Adds one sample.
  /// @throws shape_error if input, output, modalities or attention have different numbers of
  ///         tokens, or the input has another number of features than before; nothing is added then
  /// @throws value_error if a number is not finite, or if the selector names a token that does not
  ///         exist, or one token twice; nothing is added then
  /// @throws the errors of the selector; nothing is added then
  template <executor E, tensor_argument X, tensor_argument Y>
  selected_norm& add(const E& exec, const layer_sample<X, Y>& sample) {
    const detail::ieee_arithmetic as_usual;
    const auto& x = detail::source(sample.input);
    const auto tokens = static_cast<std::size_t>(x.rows());
    const auto out = static_cast<std::size_t>(detail::source(sample.output).rows());
    if (tokens != out)
      detail::raise<shape_error>("selected_norm: the input has ", tokens, " tokens, the output ",
                                 out);
    check_covers("modalities cover ", sample.kinds.size(), tokens);
    check_covers("attention covers ", sample.attention.size(), tokens);
    std::vector<std::size_t> taken = selector_(exec, sample.output, sample.kinds, sample.attention);
    std::sort(taken.begin(), taken.end());
    check_taken(taken, tokens);
    using value = detail::row_value<decltype(x)>;
    const auto features = static_cast<std::size_t>(x.cols());
    const std::uint64_t seen = detail::checked_sum<value_error>("selected_norm", seen_, tokens);
    if (taken.empty()) {
      seen_ = seen;
      return *this;
    }
    auto rows = detail::checked_array<value>(
        "selected_norm", detail::checked_product("selected_norm", taken.size(), features));
    detail::row_reader read(x);
    for (std::size_t k = 0; k < taken.size(); ++k) {
      const auto row = read(taken[k]);
      std::copy(row.begin(), row.end(), rows.begin() + static_cast<std::ptrdiff_t>(k * features));
    }
    norms_.add(exec, tamp::view(std::as_const(rows), taken.size(), features), taken.size());
    seen_ = seen;
    return *this;
  }

  /// Adds the data of another accumulator, as if its samples had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if its selector has other parameters
  selected_norm& combine(const selected_norm& other) {
    if (!(selector_ == other.selector_))
      detail::raise<value_error>("selected_norm: statistics by ", selector_.label(), " and by ",
                                 other.selector_.label(), " cannot be combined");
    const std::uint64_t seen =
        detail::checked_sum<value_error>("selected_norm", seen_, other.seen_);
    norms_.combine(other.norms_);
    seen_ = seen;
    return *this;
  }

  std::size_t features() const noexcept { return norms_.features(); }
  /// The number of selected tokens, and the number of all tokens.
  std::uint64_t tokens() const noexcept { return norms_.tokens(); }
  std::uint64_t tokens_seen() const noexcept { return seen_; }
  /// Returns one norm per feature.
  [[nodiscard]] std::vector<float> values() const { return norms_.values(); }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    column_norm::fields(self.norms_, visit);
    visit("seen", self.seen_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    norms_.validate();
    if (norms_.tokens() > seen_)
      detail::raise<value_error>("selected_norm: ", norms_.tokens(), " tokens were selected of ",
                                 seen_);
  }

  friend bool operator==(const selected_norm&, const selected_norm&) = default;

 private:
  // An empty list is one that the host does not show.
  static void check_covers(std::string_view what, std::size_t size, std::size_t tokens) {
    if (size != 0 && size != tokens)
      detail::raise<shape_error>("selected_norm: the ", what, size, " tokens, the input has ",
                                 tokens);
  }

  void check_taken(const std::vector<std::size_t>& ascending, std::size_t tokens) const {
    if (!ascending.empty() && ascending.back() >= tokens)
      detail::raise<value_error>("selected_norm: the selector ", selector_.label(), " takes token ",
                                 ascending.back(), " of ", tokens);
    const auto twice = std::adjacent_find(ascending.begin(), ascending.end());
    if (twice != ascending.end())
      detail::raise<value_error>("selected_norm: the selector ", selector_.label(), " takes token ",
                                 *twice, " twice");
  }

  Selector selector_{};
  column_norm norms_;
  std::uint64_t seen_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
