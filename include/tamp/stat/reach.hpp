#pragma once

/// @file
/// The weighting of tokens by how much of an error made at them arrives where the model is read.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/executor.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../model/layer_sample.hpp"
#include "../model/modality.hpp"
#include "../model/observable.hpp"
#include "../model/progress.hpp"
#include "../model/token_weights.hpp"
#include "../model/with_weights.hpp"
#include "../role.hpp"
#include "../tensor/traits.hpp"
#include "contribution_gain.hpp"
#include "given_weights.hpp"
#include "token_gains.hpp"
#include "token_reach.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The observer of whole samples that computes their reach (see tamp::model, observe_samples).
template <executor E>
class reach_observer {
 public:
  reach_observer(const E& exec, std::size_t blocks, token_weights& weights,
                 const progress_callback& on_progress)
      : exec_(exec), blocks_(blocks), weights_(weights), on_progress_(on_progress) {}

  /// Begins a sample. Returns false if no further one is wanted.
  bool begin(std::span<const modality> kinds) {
    check_whole();
    if (on_progress_ && !on_progress_({0, blocks_, 0, 0, {}, true, weights_.samples()})) {
      stopped_ = true;
      return false;
    }
    read_ = stat::positions_read(kinds, kinds.size());
    is_open_ = true;
    if (blocks_ == 0) finish_sample();
    return true;
  }
  /// Replaces the weights of the positions at which the model is read.
  void read_at(std::span<const double> weights) {
    check_list("reach", "weights", weights);
    if (weights.size() != read_.size())
      raise<shape_error>("reach: the positions read are ", weights.size(), ", and sample ",
                         weights_.samples(), " has ", read_.size(), " tokens");
    read_.assign(weights.begin(), weights.end());
  }

  /// Takes what the attention of the next block carries: see stat::contribution_gain.
  template <tensor_argument A, tensor_argument V, tensor_argument O, tensor_argument X>
  void carried(const A& attention, const V& values, const O& output_projection, const X& residual) {
    add(stat::contribution_gain(exec_, attention, values, output_projection, residual));
  }
  /// Takes the gains of the next block.
  void gains(stat::token_gains gains) { add(std::move(gains)); }
  template <tensor_argument G>
  void gains(const G& gains) {
    add(stat::token_gains(gains));
  }

  bool stopped() const noexcept { return stopped_; }
  /// @throws shape_error if the last sample lacks blocks
  void check_whole() const {
    if (is_open_)
      raise<shape_error>("reach: the host has shown ", gains_.size(), " of ", blocks_,
                         " blocks of sample ", weights_.samples());
  }

 private:
  void add(stat::token_gains gains) {
    if (!is_open_)
      raise<shape_error>("reach: the host shows more than ", blocks_, " blocks of sample ",
                         weights_.samples() - (weights_.samples() != 0 ? 1 : 0));
    if (gains.tokens() != read_.size())
      raise<shape_error>("reach: block ", gains_.size(), " of sample ", weights_.samples(), " has ",
                         gains.tokens(), " tokens, and the sample ", read_.size());
    gains_.push_back(std::move(gains));
    if (gains_.size() == blocks_) finish_sample();
  }
  void finish_sample() {
    weights_.add(read_.empty() ? std::vector<std::vector<double>>(blocks_)
                               : stat::token_reach(exec_, gains_, read_));
    gains_.clear();
    is_open_ = false;
  }

  const E& exec_;
  std::size_t blocks_;
  token_weights& weights_;
  const progress_callback& on_progress_;
  std::vector<double> read_;
  std::vector<stat::token_gains> gains_;  // of the blocks of one sample
  bool is_open_ = false, stopped_ = false;
};

template <class Host>
concept shows_whole_samples = requires(Host& host, reach_observer<any_executor>& observer) {
  host.observe_samples(std::size_t{}, observer);
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::stat {

/// Weights of tokens by their reach: how much of an error made at a token arrives where the model
/// is read. EXPERIMENTAL: see docs/policies/stat/reach.md for what is known and what is not.
///
/// Use it where a model is read at a few positions, such as the answer to a question about a
/// picture, and a statistic over all tokens is mostly about background.
///
///     r_L = read,   r_l(j) = r_(l+1)(j) + sum_i r_(l+1)(i) gain_l(i, j)
///
/// gain_l(i, j) is the energy that the attention of block l carries from token j to token i, for
/// each unit of energy of token j (stat::contribution_gain). The weight of token j in all
/// statistics of block l is r_l(j). `read` is uniform over the text after the last other token, and
/// over all tokens where there is no other (stat::positions_read), unless the host says otherwise.
/// Error energies add up along the residual stream and through attention. Cross terms and the
/// feed-forward networks are left out. There are no gradients and no labels.
///
/// The weights are measured once, on the dense model, by one pass of each sample through all
/// blocks. Memory: the gains of one sample, at most 4 blocks tokens^2 bytes, half of it with causal
/// attention. With a host that shows weights of its own (observable::weights), these are taken and
/// nothing is measured.
///
/// Source: tamp's own rule.
struct reach {
  using role = tamp::role::weighting;
  static constexpr observable reads = observable::weights;
  static constexpr bool measured = true;

  static constexpr std::string_view label() { return "reach"; }

  /// Measures the weights of the tokens of a host's samples, from where `weights` ends. Returns
  /// true if all have weights, false if the callback, which is called before each sample, stopped
  /// it. `weights` is valid then, may be saved, and can be continued.
  /// @throws value_error if `weights` belong to another model or calibration set, or if a number
  ///         that the host shows is not finite, or if a host whose `shows` is a function shows
  ///         neither weights nor whole samples
  /// @throws shape_error if the host's tensors do not fit together
  template <executor E, model Host>
  static bool measure(const E& exec, Host& host, token_weights& weights,
                      const progress_callback& on_progress = {}) {
    constexpr bool can_be_followed =
        rewindable_model<Host> && tamp::detail::shows_whole_samples<Host>;
    static_assert(can_be_followed || !tamp::detail::shows_always<Host>,
                  "reach follows samples through all blocks, and the host cannot show that: give "
                  "it observe_samples(first, observer) and rewind() (see tamp::model), or weights "
                  "of tokens of its own");
    if constexpr (can_be_followed)
      return follow(exec, host, weights, on_progress);
    else
      tamp::detail::raise<value_error>(
          "reach: the host shows no weights of tokens now, and cannot show whole samples");
  }

  /// Returns the weights that the host or with_weights gives the sample.
  /// @throws value_error if there are none
  template <executor E, class X, class Y>
  std::vector<double> operator()(const E& exec, const layer_sample<X, Y>& sample) const {
    return given_weights{}(exec, sample);
  }

  friend bool operator==(const reach&, const reach&) = default;

 private:
  template <executor E, model Host>
  static bool follow(const E& exec, Host& host, token_weights& weights,
                     const progress_callback& on_progress) {
    const tamp::detail::any_executor on(exec);
    const std::size_t blocks = tamp::detail::block_count(host);
    const token_weights empty(blocks, tamp::detail::model_fingerprint(on, host),
                              tamp::detail::samples_fingerprint(host));
    if (weights == token_weights{}) weights = empty;
    if (weights.blocks() != blocks || weights.model() != empty.model() ||
        weights.samples_fingerprint() != empty.samples_fingerprint())
      tamp::detail::raise<value_error>(
          "reach: the weights were measured with the model ",
          tamp::detail::hexadecimal(weights.model()), " and the samples ",
          tamp::detail::hexadecimal(weights.samples_fingerprint()), ", these are ",
          tamp::detail::hexadecimal(empty.model()), " and ",
          tamp::detail::hexadecimal(empty.samples_fingerprint()));
    if (weights.complete()) return true;
    host.rewind();
    tamp::detail::reach_observer observer(on, blocks, weights, on_progress);
    host.observe_samples(weights.samples(), observer);
    if (observer.stopped()) return false;
    observer.check_whole();
    weights.finish();
    return true;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::stat
