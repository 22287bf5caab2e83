#include "tamp_host.hpp"

#include <omp.h>

#include <algorithm>
#include <tamp/model/fingerprint.hpp>

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

std::uint64_t tamp_host::fingerprint() const {
  tamp::fingerprint print;
  for (const calibration_sample& sample : samples_) {
    print.add(sample.hidden);
    for (const auto kind : sample.kinds) print.add(std::uint64_t(kind));
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
