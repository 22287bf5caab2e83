#include "tamp_host.hpp"

#include <omp.h>

#include <algorithm>
#include <bit>
#include <tamp/execute/sequential.hpp>
#include <tamp/model/fingerprint.hpp>
#include <tamp/stat/contribution_gain.hpp>

#include "parallel.hpp"

namespace llama {

tamp_host::tamp_host(model& m, const std::vector<calibration_sample>& samples)
    : model_(m), samples_(samples) {
  rewind();
}

void tamp_host::advance(std::size_t block) {
  for_each_sequence(hidden_.size(),
                    [&](std::size_t i) { forward_block(model_, Index(block), hidden_[i]); });
}

void tamp_host::rewind() {
  hidden_.clear();
  for (const calibration_sample& sample : samples_) hidden_.push_back(sample.hidden);
}

std::vector<std::vector<tamp::stat::token_gains>> tamp_host::gains_of(std::size_t first) const {
  struct carried_gains : null_observer {
    const config& c;
    const block& b;
    const matrix& residual;
    tamp::stat::token_gains gains{};

    carried_gains(const config& whole, const block& one, const matrix& stream)
        : c(whole), b(one), residual(stream) {}

    Index recorded_queries(Index tokens) const override { return tokens; }
    void carried(const llama::attention& a, const matrix& values, const matrix& y) override {
      const tamp::execute::sequential exec;  // the threads have samples of their own
      const row_vector& norm = b.attention_output_norm;
      if (norm.size() == 0) {
        gains =
            tamp::stat::contribution_gain(exec, a.recorded, values, b.weights[o_proj], residual);
        return;
      }
      // A norm scales each token that receives, and each feature by its gain.
      const matrix projection = norm.transpose().asDiagonal() * b.weights[o_proj];
      gains = tamp::stat::contribution_gain(exec, a.recorded, values, projection, residual);
      std::vector<double> scales;
      for (Index t = 0; t < y.rows(); ++t)
        scales.push_back(
            1 / (double(y.row(t).squaredNorm()) / double(y.cols()) + double(c.rms_epsilon)));
      gains.scale_rows(scales);
    }
  };
  const auto at_a_time = static_cast<std::size_t>(omp_get_max_threads());
  std::vector<std::vector<tamp::stat::token_gains>> all(
      std::min(at_a_time, samples_.size() - first));
  for_each_sequence(all.size(), [&](std::size_t i) {
    matrix hidden = samples_[first + i].hidden;
    for (std::size_t block = 0; block < blocks(); ++block) {
      const matrix residual = hidden;
      carried_gains seen(model_.config, model_.blocks[block], residual);
      forward_block(model_, Index(block), hidden, seen);
      all[i].push_back(std::move(seen.gains));
    }
  });
  return all;
}

std::uint64_t tamp_host::fingerprint() const {
  tamp::fingerprint print;
  for (const calibration_sample& sample : samples_) {
    print.add(sample.hidden);
    for (const auto kind : sample.kinds) print.add(std::uint64_t(kind));
    for (const double weight : sample.read) print.add(std::bit_cast<std::uint64_t>(weight));
  }
  return print.value();
}

void tamp_host::recording::input(layer l, const matrix& x) {
  if (input_of(0, l) == l) inputs[l] = x;
}
void tamp_host::recording::output(layer l, const matrix& y) {
  if (wants_outputs) outputs[l] = y;
}
void tamp_host::recording::attention(const row_vector& a) { last_query = a; }

std::vector<tamp_host::recording> tamp_host::record(std::size_t block, std::size_t first,
                                                    bool wants_outputs) const {
  const auto at_a_time = static_cast<std::size_t>(omp_get_max_threads());
  std::vector<recording> seen(std::min(at_a_time, hidden_.size() - first));
  for_each_sequence(seen.size(), [&](std::size_t i) {
    seen[i].wants_outputs = wants_outputs;
    seen[i].after = hidden_[first + i];
    forward_block(model_, Index(block), seen[i].after, seen[i]);
  });
  return seen;
}

}  // namespace llama
