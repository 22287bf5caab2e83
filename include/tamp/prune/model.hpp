#pragma once

/// @file
/// How a host describes its model.

#include <concepts>
#include <cstddef>
#include <string_view>

#include "../tensor/traits.hpp"

namespace tamp {
namespace detail {
struct any_layer_visitor {
  template <prunable_tensor Weight>
  void operator()(std::string_view, Weight&&) const {}
};
struct any_observer {
  template <tensor X>
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
///   block, through the block, one after another, and calls `observer.input(layer, X)` with what
///   the layer-th visited layer saw of the sample, (tokens, in_features). One sample is one
///   sequence. Nothing of the host's state changes.
/// - `advance(block)`: runs every sample through the block and keeps the outputs: they are what the
///   next block sees.
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

}  // namespace tamp
