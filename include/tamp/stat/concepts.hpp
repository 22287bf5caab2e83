#pragma once

/// @file
/// The concepts of statistics and selectors.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "../execute/executor.hpp"
#include "../model/layer_sample.hpp"
#include "../model/modality.hpp"
#include "../model/observable.hpp"
#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

using any_activations = matrix_view<const float>;
using any_sample = layer_sample<any_activations, any_activations>;
using any_input_sample = layer_sample<any_activations, not_shown>;

/// A statistic that reads inputs and lists of tokens, such as their modalities, and no outputs.
template <class Statistic>
inline constexpr bool reads_samples_of_inputs =
    includes(observables_read<Statistic>, observable::input) &&
    observables_read<Statistic> != observable::input &&
    (observables_read<Statistic> & (observable::output | observable::hidden)) == observable::none;

/// A type with the form of `add` that takes what it reads.
template <class Statistic>
concept takes_in_what_it_reads = requires(Statistic& statistic, const any_executor& exec,
                                          const any_activations& x, const any_sample& sample,
                                          const any_input_sample& input) {
  requires(observables_read<Statistic> == observable::input && requires {
            statistic.add(exec, x);
          }) || (observables_read<Statistic> == observable::hidden && requires {
            statistic.add(exec, x, x);
          }) || (includes(observables_read<Statistic>, observable::output) && requires {
            statistic.add(exec, sample);
          }) || (reads_samples_of_inputs<Statistic> && requires { statistic.add(exec, input); });
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::stat {

/// An accumulator of the data that a host shows of its samples. It is a default-constructible value
/// with `add(exec, ...)` for what it `reads`, `tokens()`, and `combine(other)`.
/// docs/concepts/statistics.md lists all members.
template <class Statistic>
concept statistic = std::default_initializable<Statistic> && std::equality_comparable<Statistic> &&
                    tamp::detail::takes_in_what_it_reads<Statistic> &&
                    requires(Statistic& all, const Statistic& other) {
                      { other.tokens() } -> std::convertible_to<std::uint64_t>;
                      all.combine(other);
                    };

/// A value that selects the tokens of a sample that count in a statistic. The call
/// `selector(exec, output, kinds, attention)` returns their places.
template <class Selector>
concept selector = std::equality_comparable<Selector> &&
                   requires(const Selector& select, const tamp::detail::any_executor& exec,
                            const tamp::detail::any_activations& output,
                            std::span<const modality> kinds, std::span<const float> attention) {
                     {
                       select(exec, output, kinds, attention)
                     } -> std::convertible_to<std::vector<std::size_t>>;
                   };

/// A value that gives the tokens of a sample their weights in a statistic. The call
/// `weighting(exec, sample)` returns one weight, of at least 0, for each token of a layer_sample.
/// `reads` names what it looks at, of observable::modality, last_query, output and weights.
///
/// A weighting that must see whole samples first has `measure(exec, host, weights, on_progress)`,
/// too, which fills token_weights (see stat::reach). prune_model and calibrate call it.
template <class Weighting>
concept weighting = std::equality_comparable<Weighting> &&
                    std::same_as<std::remove_cvref_t<decltype(Weighting::reads)>, observable> &&
                    requires(const Weighting& weigh, const tamp::detail::any_executor& exec,
                             const tamp::detail::any_sample& sample) {
                      { weigh(exec, sample) } -> std::convertible_to<std::vector<double>>;
                    };

}  // namespace tamp::inline TAMP_FLAGS::stat

namespace tamp::inline TAMP_FLAGS::detail {

/// The observations that a weighting or a selector looks at.
template <class Weighting>
inline constexpr observable observables_weighed =
    observable::output | observable::last_query | observable::modality;
template <stat::weighting Weighting>
inline constexpr observable observables_weighed<Weighting> = Weighting::reads;

/// Refuses a type that is no statistic, with a sentence that names the missing member.
template <class Statistic>
consteval bool check_statistic() {
  static_assert(std::default_initializable<Statistic> && std::equality_comparable<Statistic>,
                "a statistic is a value: give it a default constructor and operator==");
  static_assert(takes_in_what_it_reads<Statistic>,
                "this statistic cannot take in what it reads: give it add(exec, X) for "
                "observable::input, add(exec, sample) for observable::output and for inputs with "
                "modalities, attention or weights, or add(exec, before, after) for "
                "observable::hidden");
  static_assert(
      requires(const Statistic& s) { std::uint64_t{s.tokens()}; },
      "this statistic does not count: give it std::uint64_t tokens() const, how many "
      "tokens it saw");
  static_assert(
      requires(Statistic& s, const Statistic& other) { s.combine(other); },
      "this statistic cannot be combined: give it combine(other), as if the other's "
      "sequences had been added here");
  return true;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
