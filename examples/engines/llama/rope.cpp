#include "rope.hpp"

#include <cmath>

namespace llama {

rotary_embedding::rotary_embedding(Index head_dim, double theta, Index positions,
                                   const row_vector& divisors)
    : cosine_(positions, head_dim / 2), sine_(positions, head_dim / 2) {
  for (Index i = 0; i < head_dim / 2; ++i) {
    const double divisor = divisors.size() == 0 ? 1.0 : double(divisors(i));
    const double frequency = std::pow(theta, -2.0 * double(i) / double(head_dim)) / divisor;
    for (Index t = 0; t < positions; ++t) {
      cosine_(t, i) = float(std::cos(double(t) * frequency));
      sine_(t, i) = float(std::sin(double(t) * frequency));
    }
  }
}

template <class Position>
void rotary_embedding::turn(matrix& x, const Position& position) const {
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

void rotary_embedding::operator()(matrix& x) const {
  if (x.rows() > cosine_.rows())
    fail("a sequence of ", x.rows(), " tokens is longer than the model's ", cosine_.rows(),
         " positions");
  turn(x, [](Index t) { return t; });
}

void rotary_embedding::operator()(matrix& x, std::span<const std::size_t> positions) const {
  if (std::size_t(x.rows()) != positions.size())
    fail(positions.size(), " positions for ", x.rows(), " tokens");
  for (const std::size_t position : positions)
    if (position >= std::size_t(cosine_.rows()))
      fail("position ", position, " lies beyond the model's ", cosine_.rows(), " positions");
  turn(x, [&](Index t) { return Index(positions[std::size_t(t)]); });
}

}  // namespace llama
