#pragma once

/// @file
/// A model whose tokens have weights that were computed before.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../tensor/detail/source.hpp"
#include "../tensor/traits.hpp"
#include "detail/dangling_list.hpp"
#include "fingerprint.hpp"
#include "host.hpp"
#include "modality.hpp"
#include "observable.hpp"
#include "token_weights.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {

/// The observer that gives each sample its weights before its layers, in place of the host's own.
/// Every layer is reported once for each sample, so that the number of its reports is the number of
/// the sample.
template <class Observer>
class weighing_observer {
 public:
  static constexpr observable wants = Observer::wants;

  weighing_observer(Observer& observer, const token_weights& weights, std::size_t block)
      : observer_(observer), weights_(weights), block_(block) {}

  void modality(std::span<const tamp::modality> kinds) { observer_.modality(kinds); }
  template <dangling_list List>
  void modality(List&&) {
    refuse_temporary<List>();
  }
  void attention(std::span<const float> last_query) { observer_.attention(last_query); }
  template <dangling_list List>
  void attention(List&&) {
    refuse_temporary<List>();
  }
  /// Takes weights of the host's own, which are replaced.
  void weights(std::span<const double>) const noexcept {}
  template <tensor_argument Before, tensor_argument After>
  void hidden(const Before& before, const After& after) {
    observer_.hidden(before, after);
  }
  template <tensor_argument X>
  void input(std::size_t layer, const X& x, std::span<const std::size_t> tokens = {}) {
    weigh(layer);
    observer_.input(layer, x, tokens);
  }
  template <tensor_argument X, tensor_argument Y>
  void linear(std::size_t layer, const X& x, const Y& y, std::span<const std::size_t> tokens = {}) {
    weigh(layer);
    observer_.linear(layer, x, y, tokens);
  }

  /// @throws shape_error if the host has shown fewer samples than there are weights of
  void finish() const {
    for (const std::size_t reports : reports_)
      if (reports != weights_.samples())
        raise<shape_error>("with_weights: the host has ", reports, " samples in block ", block_,
                           ", and there are weights of ", weights_.samples());
  }

 private:
  void weigh(std::size_t layer) {
    if (layer >= most_layers)
      raise<shape_error>("with_weights: the host reports layer ", layer, " of block ", block_);
    if (layer >= reports_.size()) reports_.resize(layer + 1, 0);
    observer_.weights(weights_.of(reports_[layer]++, block_));
  }

  static constexpr std::size_t most_layers = std::size_t{1} << 24;

  Observer& observer_;
  const token_weights& weights_;
  std::size_t block_;
  std::vector<std::size_t> reports_;  // of each layer
};

/// The member `shows` of a weighed_model: a constant if its host's is one.
template <class Host>
class shown_with_weights {
 public:
  explicit shown_with_weights(const Host& host) : host_(host) {}
  observable shows() const { return shown_by(host_) | observable::weights; }

 private:
  const Host& host_;
};
template <class Host>
  requires shows_always<Host>
class shown_with_weights<Host> {
 public:
  explicit shown_with_weights(const Host&) {}
  static constexpr observable shows = shown_always<Host> | observable::weights;
};

}  // namespace detail

/// A model that passes on all that another one shows, and gives its tokens weights, in place of any
/// that the other one gives. It refers to both the model and the weights.
template <model Host>
class weighed_model : public detail::shown_with_weights<Host> {
 public:
  static constexpr bool writes_when_finished = detail::writes_when_finished<Host>;

  /// @throws shape_error if the weights cover another number of blocks
  weighed_model(Host& host, const token_weights& weights)
      : detail::shown_with_weights<Host>(host), host_(host), weights_(weights) {
    if (const std::size_t blocks = detail::block_count(host); blocks != weights.blocks())
      detail::raise<shape_error>("with_weights: the model has ", blocks,
                                 " blocks, and there are weights for ", weights.blocks());
  }

  auto blocks() const { return host_.blocks(); }
  template <class Visit>
  void visit_layers(std::size_t block, Visit&& visit) {
    host_.visit_layers(block, std::forward<Visit>(visit));
  }
  template <class Observer>
  void observe_block(std::size_t block, Observer& observer) {
    detail::weighing_observer<Observer> weighing(observer, weights_, block);
    host_.observe_block(block, weighing);
    weighing.finish();
  }
  void advance(std::size_t block) { host_.advance(block); }
  void rewind()
    requires rewindable_model<Host>
  {
    host_.rewind();
  }
  std::size_t input_of(std::size_t block, std::size_t layer) {
    return detail::input_of(host_, block, layer);
  }
  std::uint64_t fingerprint() const {
    return detail::samples_fingerprint(host_) + weights_.fingerprint();
  }
  template <class Visit>
  void visit_shapes(std::size_t block, Visit&& visit)
    requires detail::has_shapes<Host>
  {
    host_.visit_shapes(block, std::forward<Visit>(visit));
  }
  void finish_layer(std::size_t block, std::size_t layer) {
    detail::finish_layer(host_, block, layer);
  }

 private:
  Host& host_;
  const token_weights& weights_;
};

/// Returns a model that shows what `host` shows, and the given weights of its tokens, for
/// statistics that read observable::weights. `host` and `weights` must outlive it.
/// @throws shape_error if the weights cover another number of blocks
template <model Host>
[[nodiscard]] weighed_model<Host> with_weights(Host& host, const token_weights& weights) {
  return {host, weights};
}
template <model Host>
weighed_model<Host> with_weights(Host& host, token_weights&& weights) = delete;

}  // namespace tamp::inline TAMP_FLAGS
