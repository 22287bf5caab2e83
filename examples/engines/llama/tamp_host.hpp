#pragma once

/// @file
/// The one header that joins the engine and tamp: tensors by tamp/adapt/eigen.hpp, the model here.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/adapt/eigen.hpp>
#include <tamp/model/host.hpp>
#include <tamp/model/modality.hpp>
#include <tamp/model/observable.hpp>
#include <tamp/stat/token_gains.hpp>
#include <utility>
#include <vector>

#include "forward.hpp"

namespace llama {

/// One calibration sequence: its embeddings, (tokens, hidden), as the first block takes them, and
/// what kind each token is of.
struct calibration_sample {
  matrix hidden;
  std::vector<tamp::modality> kinds;
  std::vector<double> read =
      {};  // the weight of each position that is read; empty: as tamp assumes
};

/// A model and the calibration samples on their way through it: a tamp::model.
///
/// The host refers to both; the model is pruned in place.
class tamp_host {
 public:
  static constexpr tamp::observable shows = tamp::observable::input | tamp::observable::output |
                                            tamp::observable::last_query |
                                            tamp::observable::modality | tamp::observable::hidden;

  tamp_host(model& m, const std::vector<calibration_sample>& samples);

  std::size_t blocks() const { return model_.blocks.size(); }

  template <class Visit>
  void visit_layers(std::size_t block, Visit&& visit) {
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      visit(weight_name(Index(block), layer_names[l]), model_.blocks[block].weights[l]);
  }

  // A few samples go through the block at a time, one a thread; what there was to see is kept until
  // the observer, which wants one sample after another, has looked at it.
  template <class Observer>
  void observe_block(std::size_t block, Observer& observer) const {
    for (std::size_t first = 0; first < hidden_.size();) {
      const bool outputs = includes(Observer::wants, tamp::observable::output);
      for (const recording& seen : record(block, first, outputs)) show(seen, first++, observer);
    }
  }

  // A few samples go through all blocks at a time, one a thread; their gains are kept until the
  // observer, which wants one sample after another, has taken them.
  template <class Observer>
  void observe_samples(std::size_t first, Observer& observer) const {
    while (first < samples_.size())
      for (std::vector<tamp::stat::token_gains>& gains : gains_of(first)) {
        const calibration_sample& sample = samples_[first++];
        if (!observer.begin(sample.kinds)) return;
        if (!sample.read.empty()) observer.read_at(sample.read);
        for (tamp::stat::token_gains& of_block : gains) observer.gains(std::move(of_block));
      }
  }

  void advance(std::size_t block);
  void rewind();

  static std::size_t input_of(std::size_t, std::size_t l) {
    return l == k_proj || l == v_proj ? q_proj : l == up_proj ? gate_proj : l;
  }

  std::uint64_t fingerprint() const;

 private:
  // A block's signals of one sample.
  struct recording : null_observer {
    void input(layer l, const matrix& x) override;
    void output(layer l, const matrix& y) override;
    void attention(const row_vector& a) override;

    bool wants_outputs = false;
    std::array<matrix, layer_names.size()> inputs, outputs;
    row_vector last_query;
    matrix after;
  };

  // The attention from token to token in each block, of samples `first` and following, one
  // for each thread.
  std::vector<std::vector<tamp::stat::token_gains>> gains_of(std::size_t first) const;

  // Of samples `first` and following, one for each thread.
  std::vector<recording> record(std::size_t block, std::size_t first, bool wants_outputs) const;

  template <class Observer>
  void show(const recording& seen, std::size_t sample, Observer& observer) const {
    const auto tokens = std::size_t(seen.last_query.size());
    observer.modality(samples_[sample].kinds);
    observer.attention(std::span(seen.last_query.data(), tokens));
    for (std::size_t l = 0; l < layer_names.size(); ++l) {
      const matrix& x = seen.inputs[input_of(0, l)];
      if constexpr (includes(Observer::wants, tamp::observable::output))
        observer.linear(l, x, seen.outputs[l]);
      else
        observer.input(l, x);
    }
    observer.hidden(hidden_[sample], seen.after);
  }

  model& model_;
  const std::vector<calibration_sample>& samples_;
  std::vector<matrix> hidden_;
};

static_assert(tamp::model<tamp_host> && tamp::rewindable_model<tamp_host>);

}  // namespace llama
