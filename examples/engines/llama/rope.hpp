#pragma once

/// @file
/// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in the half-split convention of the
/// Hugging Face models: feature i turns with feature i + head_dim / 2.

#include <cmath>
#include <cstddef>
#include <span>

#include "config.hpp"

namespace llama {

/// Turns the heads of row t by t times the angles theta^(-2i / head_dim).
class rotary_embedding {
 public:
  rotary_embedding() = default;
  rotary_embedding(Index head_dim, double theta, Index positions)
      : cosine_(positions, head_dim / 2), sine_(positions, head_dim / 2) {
    for (Index i = 0; i < head_dim / 2; ++i) {
      const double frequency = std::pow(theta, -2.0 * double(i) / double(head_dim));
      for (Index t = 0; t < positions; ++t) {
        cosine_(t, i) = float(std::cos(double(t) * frequency));
        sine_(t, i) = float(std::sin(double(t) * frequency));
      }
    }
  }

  /// Turns `x`, (tokens, heads * head_dim), in place; row t is at position t.
  void operator()(matrix& x) const {
    if (x.rows() > cosine_.rows())
      fail("a sequence of ", x.rows(), " tokens is longer than the model's ", cosine_.rows(),
           " positions");
    turn(x, [](Index t) { return t; });
  }
  /// Row t is at position positions[t]: where the tokens between have left.
  void operator()(matrix& x, std::span<const std::size_t> positions) const {
    if (std::size_t(x.rows()) != positions.size())
      fail(positions.size(), " positions for ", x.rows(), " tokens");
    for (const std::size_t position : positions)
      if (position >= std::size_t(cosine_.rows()))
        fail("position ", position, " lies beyond the model's ", cosine_.rows(), " positions");
    turn(x, [&](Index t) { return Index(positions[std::size_t(t)]); });
  }

 private:
  template <class Position>
  void turn(matrix& x, const Position& position) const {
    const Index half = cosine_.cols(), heads = x.cols() / (2 * half);
    for (Index t = 0; t < x.rows(); ++t) {
      const Index at = position(t);
      const float *cosine = cosine_.row(at).data(), *sine = sine_.row(at).data();
      for (Index h = 0; h < heads; ++h) {
        float *first = x.row(t).data() + 2 * h * half, *second = first + half;
        for (Index i = 0; i < half; ++i) {
          const float a = first[i], b = second[i];
          first[i] = a * cosine[i] - b * sine[i];
          second[i] = b * cosine[i] + a * sine[i];
        }
      }
    }
  }

  matrix cosine_, sine_;  // (positions, head_dim / 2)
};

}  // namespace llama
