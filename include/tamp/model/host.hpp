#pragma once

/// @file
/// How a host describes its model.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../tensor/rows.hpp"
#include "../tensor/traits.hpp"
#include "observable.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {
struct any_layer_visitor {
  template <tensor_argument Weight>
  void operator()(std::string_view, Weight&&) const {}
};
struct any_observer {
  static constexpr observable wants = observable::input;
  template <tensor_argument X>
  void input(std::size_t, const X&) const {}
};
}  // namespace detail

/// A model as tamp drives it: decoder blocks in the order in which they run, each with the same
/// calibration samples going through. A host writes one small class:
///
/// - `blocks()`: how many blocks there are.
/// - `visit_layers(block, visit)`: calls `visit(name, weight)` for each linear layer to prune, in a
///   fixed order. `weight` is any tensor of shape (out_features, in_features), `name` unique.
/// - `observe_block(block, observer)`: runs every calibration sample, as it stands before the
///   block, through the block, one after another, and tells the observer what there was to see
///   (below). One sample is one sequence. Nothing of the host's state changes.
/// - `advance(block)`: runs every sample through the block and keeps the outputs: they are what the
///   next block sees.
///
/// For the layer-th visited layer and every sample the host calls `observer.input(layer, X)` with
/// what the layer saw, (tokens, in_features), or, if it can, `observer.linear(layer, X, Y)` with
/// what it made of it, too, (tokens, out_features). Further members are optional:
///
/// - `shows`, a `static constexpr tamp::observable` or a function that returns one: all that the
///   host can show; observable::input if absent. What a recipe needs beyond that is refused, at compile
///   time for a constant, else before calibration starts. With
///     - observable::output it calls `observer.linear` and not `input`;
///     - observable::modality it calls `observer.modality(kinds)` at the beginning of each sample,
///     a
///       span of one modality a token;
///     - observable::last_query it calls `observer.attention(a)` before the sample's layers: the
///       block's attention of the last query to each token, after the softmax, mean over heads;
///     - observable::hidden it calls `observer.hidden(before, after)` with the residual stream.
///   `observer.wants`, a constant, says which of these anybody looks at; the others need no call.
/// - `rewind()`: puts the samples back to where the first block takes them. Needed by allocations
///   that look at the dense model first. tamp calls it before every pass.
/// - `input_of(block, layer)`: the first layer of the block that sees the very same input (q, k and
///   v share theirs); what is measured on inputs is then measured once.
/// - `fingerprint()`: a std::uint64_t of the calibration set (see tamp::fingerprint), so that
///   statistics in a file can be told to belong to it.
///
/// A layer that only some tokens of a sample are sent to, such as an expert of a mixture, calls
/// `observer.linear(layer, X, Y, tokens)` with the tokens' places in the sample, or sees an input
/// of no tokens.
///
/// tamp calls observe_block, prunes the block's layers, and calls advance, so that each block is
/// calibrated on what the pruned blocks before it produce. A recipe that needs no statistic calls
/// neither. Calls come from one thread, as do the calls that tamp expects to its observer; what the
/// host does inside is its own business.
template <class M>
concept model = requires(M& host, std::size_t block, const detail::any_layer_visitor& visit,
                         detail::any_observer& observer) {
  { host.blocks() } -> std::convertible_to<std::size_t>;
  host.visit_layers(block, visit);
  host.observe_block(block, observer);
  host.advance(block);
};

/// A model whose samples can go through it more than once.
template <class M>
concept rewindable_model = model<M> && requires(M& host) { host.rewind(); };

namespace detail {

template <class Host>
concept shows_constant = requires { typename std::integral_constant<observable, Host::shows>; };

/// All that a host can show.
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

/// Refuses a host that cannot show what statistics read.
template <observable Wanted, class Host>
void check_shown(const Host& host) {
  if constexpr (shows_constant<Host> || !requires { host.shows(); }) {
    constexpr observable shown = [] {
      if constexpr (shows_constant<Host>) return Host::shows;
      return observable::input;
    }();
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
  } else {
    const observable missing = Wanted & ~host.shows();
    if (missing != observable::none)
      raise<value_error>("this recipe looks at ", names(missing), ", which the host does not show");
  }
}

/// The number of blocks of a host.
/// @throws shape_error if it says that they are fewer than none
template <class Host>
std::size_t block_count(Host& host) {
  return checked_extent("model", "blocks", host.blocks());
}

/// The first layer of a block that sees the same input as `layer`.
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

/// Calls visit(index, block, name, weight) for every layer of a model, in order.
template <model Model, class Visit>
void for_each_layer(Model& host, Visit&& visit) {
  std::size_t index = 0;
  for (std::size_t block = 0; block < block_count(host); ++block)
    host.visit_layers(block, [&](std::string_view name, auto&& weight) {
      visit(index++, block, name, detail::source(weight));
    });
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
