#pragma once

/// @file
/// The concept of a model, which is the interface that a host implements.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/traits.hpp"
#include "observable.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {
// Takes anything, so that a wrong argument is refused with a sentence (see check_visited).
struct any_layer_visitor {
  template <class Weight>
  void operator()(std::string_view, Weight&&) const {}
};
struct any_observer {
  static constexpr observable wants = observable::input;
  template <class X>
  void input(std::size_t, const X&) const {}
};
}  // namespace detail

/// A model as tamp drives it: decoder blocks in the order in which they run, all with the same
/// calibration samples. A host implements one small class with these members:
///
/// - `blocks()`: the number of blocks.
/// - `visit_layers(block, visit)`: calls `visit(name, weight)` for each linear layer to prune, in a
///   fixed order. `weight` is any tensor of shape (out_features, in_features). `name` is unique.
/// - `observe_block(block, observer)`: runs every calibration sample, in its state before the
///   block, through the block, one after another, and reports to the observer (below). One sample
///   is one sequence. The host's state must not change.
/// - `advance(block)`: runs every sample through the block and keeps the outputs, which become the
///   inputs of the next block.
///
/// For the layer-th visited layer and every sample, the host calls `observer.input(layer, X)` with
/// the layer's input X, (tokens, in_features). A host that can also show the layer's output Y,
/// (tokens, out_features), calls `observer.linear(layer, X, Y)` instead. Further members are
/// optional:
///
/// - `shows`: a `static constexpr tamp::observable`, or a function that returns one. It names all
///   that the host can show; the default is observable::input. A recipe that needs more is refused,
///   at compile time for a constant, else before calibration starts. The host must call
///     - for observable::output, `observer.linear` and not `input`;
///     - for observable::modality, `observer.modality(kinds)` at the beginning of each sample, with
///       a span of one modality per token;
///     - for observable::last_query, `observer.attention(a)` before the sample's layers, with the
///       block's attention of the last query to each token, after the softmax, mean over heads;
///     - for observable::weights, `observer.weights(w)` before the sample's layers, with a weight
///       of the host's own for each token, a span of doubles; these three lists must outlive the
///       sample's layers;
///     - for observable::hidden, `observer.hidden(before, after)` with the residual stream.
///   `observer.wants`, a constant, names those that are read. The others need no call.
/// - `rewind()`: resets the samples to the inputs of the first block. Allocations that measure the
///   dense model first need it. tamp calls it before every pass.
/// - `input_of(block, layer)`: the first layer of the block with the same input (q, k and v share
///   theirs). Statistics of inputs are then measured once.
/// - `fingerprint()`: a std::uint64_t of the calibration set (see tamp::fingerprint), so that
///   statistics in a file can be matched with it.
///
/// - `observe_samples(first, observer)`: for weightings that follow a sample through all blocks,
///   such as stat::reach. For each calibration sample from number `first` on, in its state before
///   the first block, the host calls `observer.begin(kinds)` with a span of one modality per token,
///   and returns if that returns false. It then runs the sample through all blocks. For each block
///   it calls `observer.carried(attention, values, output_projection, residual)`, tensors as
///   stat::contribution_gain takes them, or `observer.gains(gains)` with a matrix of its own. Where
///   the model is not read at the text that follows the last other token, it calls
///   `observer.read_at(weights)` after `begin`, with a span of one double per token. The host's
///   state must not change.
///
/// Members for a host that loads a weight when it is visited, such as one of files:
///
/// - `visit_shapes(block, visit)`: calls `visit(name, rows, cols)` for the layers of visit_layers,
///   in its order. No weight is then loaded for its shape alone. Such a host must show each weight
///   under one name, since tied weights are told by their addresses otherwise.
/// - `finish_layer(block, layer)`: called when a layer is done, pruned or left alone, while
///   visit_layers visits it.
/// - `writes_when_finished`: a `static constexpr bool`. True states that nothing is final before
///   the host says so, after all layers. prune_model then checks each weight when it is pruned and
///   not all of them before, so that each is loaded once.
///
/// If only some tokens of a sample are sent to a layer, as to an expert of a mixture, the host
/// calls `observer.linear(layer, X, Y, tokens)` or `observer.input(layer, X, tokens)` with the
/// tokens' places in the sample, or reports an input without tokens.
///
/// tamp calls observe_block, prunes the block's layers, and calls advance. Each block is therefore
/// calibrated on the outputs of the pruned blocks before it. A recipe that needs no statistic calls
/// neither. tamp calls the host from one thread, and the host must call the observer from one
/// thread. Threads inside of the host's functions are unrestricted.
///
/// A layered_model has blocks() and visit_layers alone. That is enough for recipes that read no
/// statistics, and for statistics from elsewhere (see calibration_from).
template <class M>
concept layered_model =
    requires(M& host, std::size_t block, const detail::any_layer_visitor& visit) {
      { host.blocks() } -> std::convertible_to<std::size_t>;
      host.visit_layers(block, visit);
    };
template <class M>
concept model =
    layered_model<M> && requires(M& host, std::size_t block, detail::any_observer& observer) {
      host.observe_block(block, observer);
      host.advance(block);
    };

/// A model that can run its samples more than once.
template <class M>
concept rewindable_model = model<M> && requires(M& host) { host.rewind(); };

namespace detail {

template <class Host>
concept shows_constant = requires { typename std::integral_constant<observable, Host::shows>; };

/// True for a host whose `shows` is a constant or missing.
template <class Host>
inline constexpr bool shows_always =
    shows_constant<Host> || !requires(const Host& host) { host.shows(); };

/// All that such a host shows.
template <class Host>
inline constexpr observable shown_always = observable::input;
template <shows_constant Host>
inline constexpr observable shown_always<Host> = Host::shows;

/// Returns all that a host can show.
template <class Host>
observable shown_by(const Host& host) {
  if constexpr (shows_constant<Host>)
    return Host::shows;
  else if constexpr (requires {
                       { host.shows() } -> std::same_as<observable>;
                     })
    return host.shows();
  else
    return observable::input;
}

/// Refuses a host that cannot show the observables that statistics read.
/// @throws value_error if `shows` is no constant and lacks some; a constant is a compile-time error
template <observable Wanted, class Host>
void check_shown(const Host& host) {
  if constexpr (shows_always<Host>) {
    constexpr observable shown = shown_always<Host>;
    static_assert(includes(shown, Wanted & observable::output),
                  "this recipe looks at the outputs of layers, and the host does not show them: "
                  "call observer.linear and add observable::output to the host's `shows`");
    static_assert(includes(shown, Wanted & observable::last_query),
                  "this recipe looks at the attention of the last query, and the host does not "
                  "show it: call observer.attention and add observable::last_query to the host's "
                  "`shows`, or use a score that does without");
    static_assert(
        includes(shown, Wanted & observable::modality),
        "this recipe tells modalities apart, and the host does not show them: call "
        "observer.modality and add observable::modality to the host's `shows` (all text is "
        "an answer, too)");
    static_assert(includes(shown, Wanted & observable::hidden),
                  "this recipe looks at the residual stream, and the host does not show it: call "
                  "observer.hidden and add observable::hidden to the host's `shows`");
    static_assert(
        includes(shown, Wanted & observable::weights),
        "this recipe takes the weights of tokens from the host, and the host gives none: "
        "call observer.weights and add observable::weights to the host's `shows`, or give "
        "the operation tamp::with_weights(host, weights)");
  } else {
    const observable missing = Wanted & ~host.shows();
    if (missing != observable::none)
      raise<value_error>("this recipe looks at ", names(missing), ", which the host does not show");
  }
}

/// Returns the number of blocks of a host.
/// @throws shape_error if it is negative or too large
template <class Host>
std::size_t block_count(Host& host) {
  return checked_extent("model", "blocks", host.blocks());
}

/// Returns the first layer of a block with the same input as `layer`.
/// @throws value_error if the host names a later layer, or one that is not the first itself
template <class Host>
std::size_t input_of(Host& host, std::size_t block, std::size_t layer) {
  if constexpr (requires { host.input_of(block, layer); }) {
    const auto first = static_cast<std::size_t>(host.input_of(block, layer));
    if (first > layer || static_cast<std::size_t>(host.input_of(block, first)) != first)
      raise<value_error>("the host says that layer ", layer, " of block ", block,
                         " has the input of layer ", first,
                         first > layer ? ", which comes later" : ", which has another's");
    return first;
  } else {
    return layer;
  }
}

/// Refuses what a host hands to `visit` in the place of a weight, unless it is a tensor.
template <class Weight>
consteval bool check_visited() {
  static_assert(
      tensor_argument<Weight>,
      "the host's visit_layers calls visit(name, weight) with a weight that is no tensor "
      "that tamp can read: give a view, include the adapter of its library (tamp/adapt/), "
      "or specialise tamp::tensor_traits");
  return tensor_argument<Weight>;
}

/// Calls visit(index, block, name, weight) for every layer of a model, in order. Weights are only
/// read.
template <layered_model Model, class Visit>
void for_each_layer(Model& host, Visit&& visit) {
  std::size_t index = 0;
  for (std::size_t block = 0; block < block_count(host); ++block)
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      if constexpr (check_visited<decltype(weight)>())
        with_source(weight, [&](const auto& source) { visit(index++, block, name, source); });
    });
}

template <class Host>
inline constexpr bool has_shapes = requires(Host& host) {
  host.visit_shapes(std::size_t{}, [](std::string_view, std::size_t, std::size_t) {});
};
template <class Host>
inline constexpr bool writes_when_finished = requires { requires Host::writes_when_finished; };

/// Calls visit(block, name, rows, cols) for every layer of a model, in order.
template <layered_model Model, class Visit>
void for_each_shape(Model& host, Visit&& visit) {
  const auto checked = [&](std::size_t block, std::string_view name, auto rows, auto cols) {
    visit(block, name, checked_extent(name, "rows", rows), checked_extent(name, "columns", cols));
  };
  if constexpr (has_shapes<Model>) {
    for (std::size_t block = 0; block < block_count(host); ++block)
      host.visit_shapes(block, [&](std::string_view name, auto rows, auto cols) {
        checked(block, name, rows, cols);
      });
  } else {
    for_each_layer(host, [&](auto, std::size_t block, std::string_view name, auto&& weight) {
      checked(block, name, weight.rows(), weight.cols());
    });
  }
}

/// Tells the host that a layer of a block is done.
template <class Host>
void finish_layer(Host& host, std::size_t block, std::size_t layer) {
  if constexpr (requires { host.finish_layer(block, layer); }) host.finish_layer(block, layer);
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
