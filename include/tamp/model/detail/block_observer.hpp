#pragma once

/// @file
/// The observer that feeds the statistics of a block's layers with the host's reports.

#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../../error.hpp"
#include "../../execute/executor.hpp"
#include "../../tensor/detail/source.hpp"
#include "../layer_sample.hpp"
#include "../observable.hpp"
#include "dangling_list.hpp"
#include "stopwatch.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The layer of a block at which a statistic of layer `layer` is kept. Statistics of inputs are
/// kept once for all layers with the same input, those of the residual stream once per block.
struct statistic_place {
  std::size_t input = 0;  // the first layer of the block with the same input
  template <class Statistic>
  std::size_t of(std::size_t layer) const noexcept {
    if constexpr (includes(observables_read<Statistic>, observable::output))
      return layer;
    else if constexpr (includes(observables_read<Statistic>, observable::hidden))
      return 0;
    else
      return input;
  }
};

/// Refuses what a host shows its observer, unless all are tensors.
template <class... Shown>
consteval bool check_observed() {
  static_assert((tensor_argument<Shown> && ...),
                "the host's observe_block shows the observer something that is no tensor that tamp "
                "can read: give a view, include the adapter of its library (tamp/adapt/), or "
                "specialise tamp::tensor_traits");
  return (tensor_argument<Shown> && ...);
}

/// The observer that a host calls (see tamp::model).
template <executor E, class... Statistics>
class block_observer {
 public:
  static constexpr observable wants = (observable::none | ... | observables_read<Statistics>);

  /// Both `statistics` and `places` must have one entry for each layer of the block.
  block_observer(const E& exec, std::span<std::tuple<Statistics...>> statistics,
                 std::span<const statistic_place> places)
      : seconds(statistics.size(), 0.0), exec_(exec), statistics_(statistics), places_(places) {}

  /// Begins a sample. `kinds` has the modality of each of its tokens. This list, and those of the two
  /// functions below, must outlive the layers of the sample.
  void modality(std::span<const tamp::modality> kinds) { modality_ = kinds; }
  template <dangling_list List>
  void modality(List&&) {
    refuse_temporary<List>();
  }
  /// Takes the last query's attention to each token of the sample whose layers follow.
  void attention(std::span<const float> last_query) { attention_ = last_query; }
  template <dangling_list List>
  void attention(List&&) {
    refuse_temporary<List>();
  }

  /// Takes the weight of each token of the sample whose layers follow.
  void weights(std::span<const double> of_tokens) { weights_ = of_tokens; }
  template <dangling_list List>
  void weights(List&&) {
    refuse_temporary<List>();
  }

  /// Adds the input X, (tokens, in_features), of layer `layer` in one sample. `tokens` are the
  /// places in the sample of those that were sent to this layer; if empty, all were.
  template <class X>
  void input(std::size_t layer, const X& x, std::span<const std::size_t> tokens = {}) {
    static_assert(!includes(wants, observable::output),
                  "this recipe looks at the outputs of layers: the host calls observer.linear "
                  "instead of observer.input");
    if constexpr (check_observed<X>()) {
      check_layer(layer, "an input");
      add(layer, x, nothing, tokens);
    }
  }

  /// Adds the input X and the output Y, (tokens, out_features), of layer `layer`.
  template <class X, class Y>
  void linear(std::size_t layer, const X& x, const Y& y, std::span<const std::size_t> tokens = {}) {
    if constexpr (check_observed<X, Y>()) {
      check_layer(layer, "an output");
      add(layer, x, y, tokens);
    }
  }

  /// Adds the residual stream of one sample, (tokens, hidden), before and after the block.
  template <class Before, class After>
  void hidden(const Before& before, const After& after) {
    if constexpr (check_observed<Before, After>()) (add_hidden<Statistics>(before, after), ...);
  }

  std::vector<double> seconds;  ///< time spent on each layer's statistics

 private:
  void check_layer(std::size_t layer, std::string_view what) const {
    if (layer >= statistics_.size())
      raise<shape_error>("observe: the host reports ", what, " of layer ", layer,
                         " in a block that has ", statistics_.size());
  }

  template <class X, class Y>
  void add(std::size_t layer, const X& x, const Y& y,
           [[maybe_unused]] std::span<const std::size_t> tokens) {
    const stopwatch watch;
    (add_input<Statistics>(layer, x), ...);
    if constexpr ((reads_sample<Statistics> || ...)) {
      if (detail::row_count(x) == 0) {
        (add_sample<Statistics>(layer, layer_sample<X, Y>{x, y, {}, {}, {}}), ...);
      } else if (tokens.empty()) {
        (add_sample<Statistics>(layer, layer_sample<X, Y>{x, y, modality_, attention_, weights_}),
         ...);
      } else {
        const auto kinds = gather(modality_, tokens, layer, "modality");
        const auto attention = gather(attention_, tokens, layer, "attention");
        const auto weights = gather(weights_, tokens, layer, "list of weights");
        (add_sample<Statistics>(layer, layer_sample<X, Y>{x, y, kinds, attention, weights}), ...);
      }
    }
    seconds[layer] += watch.seconds();
  }

  template <class Statistic>
  static constexpr bool reads_outputs = includes(observables_read<Statistic>, observable::output);
  // True for statistics of layers that read more than the input.
  template <class Statistic>
  static constexpr bool reads_sample = observables_read<Statistic> != observable::input &&
                                       !includes(observables_read<Statistic>, observable::hidden);

  template <class Statistic, class X>
  void add_input(std::size_t layer, const X& x) {
    if constexpr (observables_read<Statistic> == observable::input)
      if (places_[layer].template of<Statistic>(layer) == layer)
        std::get<Statistic>(statistics_[layer]).add(exec_, x);
  }

  template <class Statistic, class Sample>
  void add_sample(std::size_t layer, const Sample& sample) {
    if constexpr (reads_sample<Statistic>) {
      auto& statistic = std::get<Statistic>(statistics_[layer]);
      if constexpr (!reads_outputs<Statistic>) {
        if (places_[layer].template of<Statistic>(layer) == layer) statistic.add(exec_, sample);
      } else if (detail::row_count(sample.input) != 0) {
        statistic.add(exec_, sample);
      } else if constexpr (requires { statistic.skip(); }) {
        // Nothing to add, but statistics that number the samples count it.
        statistic.skip();
      }
    }
  }

  template <class Statistic, class Before, class After>
  void add_hidden(const Before& before, const After& after) {
    if constexpr (observables_read<Statistic> == observable::hidden)
      if (!statistics_.empty()) std::get<Statistic>(statistics_[0]).add(exec_, before, after);
  }

  // Returns the numbers of the tokens that came to one layer, out of those of the whole sample.
  template <class T>
  static std::vector<T> gather(std::span<const T> all, std::span<const std::size_t> tokens,
                               std::size_t layer, std::string_view what) {
    std::vector<T> some;
    if (all.empty()) return some;
    for (const std::size_t t : tokens) {
      if (t >= all.size())
        raise<shape_error>("observe: layer ", layer, " was sent token ", t, ", the ", what,
                           " covers ", all.size());
      some.push_back(all[t]);
    }
    return some;
  }

  const E& exec_;
  std::span<std::tuple<Statistics...>> statistics_;
  std::span<const statistic_place> places_;
  std::span<const tamp::modality> modality_;
  std::span<const float> attention_;
  std::span<const double> weights_;
};

/// Sends the samples of a host through a block. `seen` and `places` must have one entry for each
/// of its layers. Returns the time spent on each layer's statistics.
template <executor E, class Host, class... Statistics>
std::vector<double> observe_block(const E& exec, Host& host, std::size_t block,
                                  std::vector<std::tuple<Statistics...>>& seen,
                                  std::span<const statistic_place> places) {
  const any_executor on(exec);
  block_observer<any_executor, Statistics...> observer(on, std::span(seen), places);
  host.observe_block(block, observer);
  return std::move(observer.seconds);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
