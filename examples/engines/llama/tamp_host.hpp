#pragma once

/// @file
/// The one header that joins the engine and tamp: tensors by tamp/adapt/eigen.hpp, the model here.

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <tamp/adapt/eigen.hpp>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "forward.hpp"
#include "parallel.hpp"

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

  // A few samples go through the block at a time, one a thread; what their layers saw is kept until
  // the observer, which wants one sample after another, has looked at it.
  template <class Observer>
  void observe_block(std::size_t block, Observer& observer) const {
    const auto at_a_time = static_cast<std::size_t>(omp_get_max_threads());
    for (std::size_t first = 0; first < samples_.size(); first += at_a_time) {
      std::vector<recording> seen(std::min(at_a_time, samples_.size() - first));
      for_each_sequence(seen.size(), [&](std::size_t i) {
        matrix hidden = samples_[first + i];
        forward_block(model_, Index(block), hidden, seen[i]);
      });
      for (const recording& sample : seen)
        for (std::size_t l = 0; l < layer_names.size(); ++l)
          observer.input(l, sample.inputs[sample.input_of[l]]);
    }
  }

  void advance(std::size_t block) {
    for_each_sequence(samples_.size(),
                      [&](std::size_t i) { forward_block(model_, Index(block), samples_[i]); });
  }

 private:
  // The inputs of a block's layers; several layers share one.
  struct recording : null_observer {
    void input(layer l, const matrix& x) {
      if (l != k_proj && l != v_proj && l != up_proj) inputs.push_back(x);
      input_of[l] = inputs.size() - 1;
    }
    std::vector<matrix> inputs;
    std::array<std::size_t, layer_names.size()> input_of{};
  };

  model& model_;
  std::vector<matrix> samples_;
};

static_assert(tamp::model<tamp_host>);

}  // namespace llama
