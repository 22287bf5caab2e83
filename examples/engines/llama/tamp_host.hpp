#pragma once

/// @file
/// The one header that joins the engine and tamp: tensors by tamp/adapt/eigen.hpp, the model here.

#include <cstddef>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "forward.hpp"

namespace llama {

/// A model and the calibration samples on their way through it: a tamp::model.
///
/// `samples` are embedded sequences, (tokens, hidden), as the first block takes them. The host
/// refers to the model, which is pruned in place.
class tamp_host {
 public:
  tamp_host(model& m, std::vector<matrix> samples) : model_(m), samples_(std::move(samples)) {}

  std::size_t blocks() const { return model_.blocks.size(); }

  template <class Visit>
  void visit_layers(std::size_t block, Visit&& visit) {
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      visit(weight_name(Index(block), layer_names[l]), model_.blocks[block].weights[l]);
  }

  template <class Observer>
  void observe_block(std::size_t block, Observer& observer) const {
    struct relay : null_observer {
      explicit relay(Observer& o) : to(o) {}
      void input(layer l, const matrix& x) { to.input(l, x); }
      Observer& to;
    };
    for (const matrix& sample : samples_) {
      matrix hidden = sample;
      relay watch(observer);
      forward_block(model_, Index(block), hidden, watch);
    }
  }

  void advance(std::size_t block) {
    for (matrix& sample : samples_) forward_block(model_, Index(block), sample);
  }

 private:
  model& model_;
  std::vector<matrix> samples_;
};

static_assert(tamp::model<tamp_host>);

}  // namespace llama
