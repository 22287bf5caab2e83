#pragma once

/// @file
/// Statistics in which every token has a weight.

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
#include "../tensor/detail/source.hpp"
#include "concepts.hpp"

namespace tamp::inline TAMP_FLAGS::stat {

/// A statistic in which every token of a sample has a weight, such as the Gram matrix of the tokens
/// that AMIA selects: stat::weighted<stat::gram, stat::amia_select>.
///
///     column_norm:     norm(j)      = sqrt( sum_t w_t X[t, j]^2 / count )
///     gram:            matrix(i, j) = sum_t w_t X[t, i] X[t, j]
///     token_diversity: the pair of tokens s and t counts w_s w_t
///
/// The weighting gives the weights, w_t >= 0. A token of weight 0 is neither read nor counted. If
/// all weights are 1, the bits are those of the statistic without weights. The count is 1 for each
/// sample. With a selector, the selected tokens have weight 1, and the count is their number. The
/// result does not depend on the order in which a selector names tokens. A layer to which no token
/// of a sample is sent, such as an expert, does not count the sample if outputs are read.
///
/// `Statistic` has add(exec, X, weights, count), if it reads inputs alone, or add(exec, sample,
/// weights). A weighted statistic has all the results of `Statistic`.
template <class Statistic, class Weighting>
class [[nodiscard]] weighted : public Statistic,
                               public tamp::detail::adds_anywhere<weighted<Statistic, Weighting>> {
  static_assert(weighting<Weighting> || selector<Weighting>,
                "a weighting is a value that is called with (exec, sample) and returns the weight "
                "of each token (see tamp::stat::weighting), or a selector, which is called with "
                "(exec, output, kinds, attention) and returns the places of the tokens it takes "
                "(see tamp::stat::selector)");

 public:
  using weighting_policy = Weighting;
  using tamp::detail::adds_anywhere<weighted<Statistic, Weighting>>::add;

  static constexpr observable reads =
      observables_read<Statistic> | tamp::detail::observables_weighed<Weighting>;

  weighted() = default;
  explicit weighted(Weighting weighting, Statistic empty = {})
      : Statistic(std::move(empty)), weighting_(std::move(weighting)) {}

  std::string label() const {
    return detail::sentence(Statistic::label(), " by ", weighting_.label());
  }
  const Weighting& by() const noexcept { return weighting_; }

  /// Adds one sample.
  /// @throws shape_error if the parts of the sample have different numbers of tokens or lie at a
  ///         null pointer, or the input has another number of features than before; nothing is
  ///         added then
  /// @throws value_error if a number of a token that is read is not finite, if a weight is negative
  ///         or not finite, or if a selector names a token that does not exist, or one token twice;
  ///         nothing is added then
  /// @throws the errors of the weighting; nothing is added then
  template <executor E, tensor_argument X, class Y>
  weighted& add(const E& exec, const layer_sample<X, Y>& sample) {
    const detail::ieee_arithmetic as_usual;
    const auto tokens = detail::row_count(sample.input);
    if constexpr (tensor_argument<Y>)
      if (const auto out = detail::row_count(sample.output); tokens != out)
        detail::raise<shape_error>(label(), ": the input has ", tokens, " tokens, the output ",
                                   out);
    check_covers("modalities", "modalities cover ", sample.kinds, tokens);
    check_covers("attentions", "attention covers ", sample.attention, tokens);
    check_covers("weights", "weights cover ", sample.weights, tokens);
    const std::uint64_t seen = detail::checked_sum<value_error>("weighted", seen_, tokens);
    if constexpr (selector<Weighting>) {
      const std::vector<std::size_t> taken = taken_of(exec, sample, tokens);
      if (!taken.empty()) {
        auto weights = detail::checked_array<double>("weighted", tokens);
        for (const std::size_t t : taken) weights[t] = 1;
        add_weighted(exec, sample, weights, taken.size());
      }
    } else {
      const std::vector<double> weights = weighting_(exec, sample);
      if (weights.size() != tokens)
        detail::raise<shape_error>(label(), ": there are ", weights.size(), " weights for ", tokens,
                                   " tokens");
      add_weighted(exec, sample, weights, 1);
    }
    seen_ = seen;
    return *this;
  }

  /// Adds one sample, for a weighting that looks at nothing but its input.
  template <executor E, tensor_argument X>
    requires(reads == observable::input)
  weighted& add(const E& exec, const X& activations) {
    return add(exec, layer_sample<X, not_shown>{activations, tamp::detail::nothing, {}, {}});
  }

  /// Adds the data of another accumulator, as if its samples had been added here.
  /// @throws shape_error if it covers another number of features
  /// @throws value_error if its weighting has other parameters
  weighted& combine(const weighted& other) {
    if (!(weighting_ == other.weighting_))
      detail::raise<value_error>(label(), " cannot be combined with ", other.label());
    const std::uint64_t seen = detail::checked_sum<value_error>("weighted", seen_, other.seen_);
    Statistic::combine(other);
    seen_ = seen;
    return *this;
  }

  /// The number of all tokens. That of the tokens with a weight above 0 is tokens().
  std::uint64_t tokens_seen() const noexcept { return seen_; }

  /// Calls visit(name, value) for all values that combine adds up, for files.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    Statistic::fields(self, visit);
    visit("seen", self.seen_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no statistic can have written them
  void validate() const {
    Statistic::validate();
    if (this->tokens() > seen_)
      detail::raise<value_error>(label(), ": ", this->tokens(), " tokens have a weight, of ",
                                 seen_);
  }

  friend bool operator==(const weighted&, const weighted&) = default;

 private:
  // An empty list is one that the host does not show.
  template <class List>
  void check_covers(std::string_view what, std::string_view what_covers, const List& list,
                    std::size_t tokens) const {
    if (!list.empty() && list.size() != tokens)
      detail::raise<shape_error>(label(), ": the ", what_covers, list.size(),
                                 " tokens, the input has ", tokens);
    detail::check_list(label(), what, list);
  }

  template <executor E, class Sample>
  void add_weighted(const E& exec, const Sample& sample, std::span<const double> weights,
                    std::uint64_t count) {
    constexpr bool reads_inputs = observables_read<Statistic> == observable::input;
    static_assert(
        requires(Statistic& statistic) {
          requires(reads_inputs && requires {
                    statistic.add(exec, sample.input, weights, count);
                  }) || (!reads_inputs && requires { statistic.add(exec, sample, weights); });
        },
        "this statistic takes no weights of tokens: give it add(exec, X, weights, count) for "
        "observable::input, or add(exec, sample, weights)");
    if constexpr (reads_inputs)
      Statistic::add(exec, sample.input, weights, count);
    else
      Statistic::add(exec, sample, weights);
  }

  // Returns the places of the selected tokens in ascending order.
  template <executor E, class Sample>
  std::vector<std::size_t> taken_of(const E& exec, const Sample& sample, std::size_t tokens) const {
    std::vector<std::size_t> taken =
        weighting_(exec, sample.output, sample.kinds, sample.attention);
    std::sort(taken.begin(), taken.end());
    if (!taken.empty() && taken.back() >= tokens)
      detail::raise<value_error>(label(), ": the selector takes token ", taken.back(), " of ",
                                 tokens);
    if (const auto twice = std::adjacent_find(taken.begin(), taken.end()); twice != taken.end())
      detail::raise<value_error>(label(), ": the selector takes token ", *twice, " twice");
    return taken;
  }

  Weighting weighting_{};
  std::uint64_t seen_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::stat
