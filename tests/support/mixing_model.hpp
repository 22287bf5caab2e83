#pragma once

// A small host that shows whole samples, for weights by reach.

#include <cstddef>
#include <string>
#include <vector>

#include "model.hpp"

namespace support {

/// A host that mixes tokens: in block b, a token carries (b + 1) / 4 of its energy to the token
/// behind it.
class mixing_mlp : public open_mlp {
 public:
  using open_mlp::open_mlp;

  matrix<float> gains(std::size_t block, std::size_t tokens) const {
    matrix<float> g(tokens, tokens);
    for (std::size_t t = 1; t < tokens; ++t) g(t, t - 1) = gain * float(block + 1);
    return g;
  }
  void observe_samples(std::size_t first, auto& observer) {
    calls.push_back("observe samples from " + std::to_string(first));
    for (std::size_t s = first; s < samples.size(); ++s) {
      if (!observer.begin(kinds(samples[s]))) return;
      if (!read.empty()) observer.read_at(read);
      for (std::size_t b = 0; b < blocks() - missing_blocks; ++b)
        observer.gains(gains(b, samples[s].rows() + extra_tokens));
    }
  }

  float gain = 0.25f;
  std::vector<double> read;
  std::size_t missing_blocks = 0, extra_tokens = 0;
};

}  // namespace support
