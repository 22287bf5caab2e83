#pragma once

// Small hosts: blocks of two linear layers, h = relu(up x), y = x + down h, so that what a block
// sees depends on the weights of the blocks before it. One shows inputs only, the other all there
// is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/model/fingerprint.hpp>
#include <tamp/model/modality.hpp>
#include <tamp/model/observable.hpp>
#include <utility>
#include <vector>

#include "tensors.hpp"

namespace support {

/// y = x W^T, for every token of x.
inline matrix<float> linear(const matrix<float>& x, const matrix<float>& weight) {
  matrix<float> y(x.rows(), weight.rows());
  for (std::size_t t = 0; t < x.rows(); ++t)
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j) y(t, i) += x(t, j) * weight(i, j);
  return y;
}

struct mlp_block {
  matrix<float> up, down;

  matrix<float> hidden(const matrix<float>& x) const {
    matrix<float> h = linear(x, up);
    for (std::size_t k = 0; k < h.rows() * h.cols(); ++k) h.data()[k] = std::max(h.data()[k], 0.0f);
    return h;
  }
  matrix<float> output(const matrix<float>& x) const {
    matrix<float> y = linear(hidden(x), down);
    for (std::size_t k = 0; k < y.rows() * y.cols(); ++k) y.data()[k] += x.data()[k];
    return y;
  }
  friend bool operator==(const mlp_block&, const mlp_block&) = default;
};

class mlp {
 public:
  mlp(std::size_t num_blocks, std::size_t features, std::size_t hidden, unsigned seed) {
    for (unsigned b = 0; b < num_blocks; ++b)
      weights.push_back({random_matrix(hidden, features, seed + 2 * b),
                         random_matrix(features, hidden, seed + 2 * b + 1)});
    for (unsigned s = 0; s < 3; ++s)
      samples.push_back(random_matrix(5 + s, features, seed + 99 + s));
  }

  std::size_t blocks() const { return weights.size(); }
  void visit_layers(std::size_t block, auto&& visit) {
    visit(std::to_string(block) + ".up", weights[block].up);
    visit(std::to_string(block) + ".down", weights[block].down);
  }
  void observe_block(std::size_t block, auto& observer) {
    calls.push_back("observe " + std::to_string(block));
    for (const auto& x : samples) {
      observer.input(0, x);
      observer.input(1, weights[block].hidden(x));
    }
  }
  void advance(std::size_t block) {
    calls.push_back("advance " + std::to_string(block));
    for (auto& x : samples) x = weights[block].output(x);
  }

  std::vector<mlp_block> weights;
  std::vector<matrix<float>> samples;
  std::vector<std::string> calls;
};

/// One that shows all there is to see, and whose samples can go through it again. The last token
/// but one of every sample is of an image; the last query looks at token t with weight t + 1.
class open_mlp : public mlp {
 public:
  static constexpr tamp::observable shows = tamp::observable::input | tamp::observable::output |
                                            tamp::observable::last_query |
                                            tamp::observable::modality | tamp::observable::hidden;

  open_mlp(std::size_t num_blocks, std::size_t features, std::size_t hidden, unsigned seed)
      : mlp(num_blocks, features, hidden, seed), first_(samples) {}

  /// The host with these samples alone.
  open_mlp with_samples(std::vector<matrix<float>> some) const {
    open_mlp other = *this;
    other.samples = other.first_ = std::move(some);
    return other;
  }

  static std::vector<tamp::modality> kinds(const matrix<float>& x) {
    std::vector<tamp::modality> all(x.rows(), tamp::modality::text);
    all[x.rows() - 2] = tamp::modality::image;
    return all;
  }
  static std::vector<float> last_query(const matrix<float>& x) {
    std::vector<float> weights;
    for (std::size_t t = 0; t < x.rows(); ++t) weights.push_back(static_cast<float>(t + 1));
    return weights;
  }

  void observe_block(std::size_t block, auto& observer) {
    calls.push_back("observe " + std::to_string(block));
    const mlp_block& b = weights[block];
    for (const auto& x : samples) {
      const auto modality = kinds(x);
      const auto attention = last_query(x);
      observer.modality(modality);
      observer.attention(attention);
      observer.linear(0, x, linear(x, b.up));
      observer.linear(1, b.hidden(x), linear(b.hidden(x), b.down));
      observer.hidden(x, b.output(x));
    }
  }
  void rewind() {
    calls.push_back("rewind");
    samples = first_;
  }
  std::uint64_t fingerprint() const {
    tamp::fingerprint print;
    for (const auto& x : first_) print.add(x);
    return print.value();
  }

 private:
  std::vector<matrix<float>> first_;
};

}  // namespace support
