#pragma once

// Weights of tokens.

#include <cstddef>
#include <limits>
#include <random>
#include <tamp/element.hpp>
#include <vector>

#include "tensors.hpp"

namespace support {

/// Weights, about a third of them 0.
inline std::vector<double> random_weights(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> number(0.01, 3.0);
  std::vector<double> weights(size);
  for (double& weight : weights) weight = random() % 3 == 0 ? 0.0 : number(random);
  return weights;
}

/// Weights of 0 and 1.
inline std::vector<double> random_choice_of_tokens(std::size_t size, unsigned seed) {
  std::vector<double> weights = random_weights(size, seed);
  for (double& weight : weights) weight = weight == 0 ? 0.0 : 1.0;
  return weights;
}

/// The rows of weight above 0.
template <class T>
matrix<T> rows_with_weight(const matrix<T>& m, const std::vector<double>& weights) {
  std::size_t count = 0;
  for (const double weight : weights) count += weight != 0;
  matrix<T> rows(count, m.cols());
  for (std::size_t t = 0, k = 0; t < m.rows(); ++t)
    if (weights[t] != 0) {
      for (std::size_t j = 0; j < m.cols(); ++j) rows(k, j) = m(t, j);
      ++k;
    }
  return rows;
}

/// The matrix with NaN in the rows of weight 0.
template <class T>
matrix<T> broken_where_weight_is_zero(matrix<T> m, const std::vector<double>& weights) {
  using compute = tamp::compute_type<T>;
  const T broken = tamp::element_traits<T>::store(std::numeric_limits<compute>::quiet_NaN());
  for (std::size_t t = 0; t < m.rows(); ++t)
    if (weights[t] == 0)
      for (std::size_t j = 0; j < m.cols(); ++j) m(t, j) = broken;
  return m;
}

}  // namespace support
