#pragma once

// The definition of every pattern: sort the indices of a group by score, where equal scores leave
// the lower index first, and drop from the front.

#include <algorithm>
#include <cstddef>
#include <tamp/mask/bitmask.hpp>
#include <vector>

#include "tensors.hpp"

namespace support {

/// Drops the `drop` lowest-scored of the elements [begin, end), counted row after row.
template <class Score>
void drop_lowest(tamp::mask::bitmask& keep, const matrix<Score>& scores, std::size_t begin,
                 std::size_t end, std::size_t drop) {
  std::vector<std::size_t> indices;
  for (std::size_t k = begin; k < end; ++k) indices.push_back(k);
  std::sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) {
    const Score x = scores.data()[a], y = scores.data()[b];
    return x < y || (x == y && a < b);
  });
  for (std::size_t k = 0; k < drop; ++k)
    keep.set(indices[k] / scores.cols(), indices[k] % scores.cols(), false);
}

template <class Score>
tamp::mask::bitmask per_row_by_sorting(const matrix<Score>& scores, double sparsity) {
  const std::size_t cols = scores.cols();
  tamp::mask::bitmask keep(scores.rows(), cols);
  for (std::size_t i = 0; i < scores.rows(); ++i)
    drop_lowest(keep, scores, i * cols, (i + 1) * cols,
                static_cast<std::size_t>(static_cast<double>(cols) * sparsity));
  return keep;
}

template <class Score>
tamp::mask::bitmask per_tensor_by_sorting(const matrix<Score>& scores, double sparsity) {
  tamp::mask::bitmask keep(scores.rows(), scores.cols());
  drop_lowest(keep, scores, 0, keep.size(),
              static_cast<std::size_t>(static_cast<double>(keep.size()) * sparsity));
  return keep;
}

template <class Score>
tamp::mask::bitmask n_of_m_by_sorting(const matrix<Score>& scores, std::size_t n, std::size_t m) {
  const std::size_t cols = scores.cols();
  tamp::mask::bitmask keep(scores.rows(), cols);
  for (std::size_t i = 0; i < scores.rows(); ++i)
    for (std::size_t j = 0; j < cols; j += m) {
      const std::size_t width = std::min(m, cols - j), kept = (n * width + m - 1) / m;
      drop_lowest(keep, scores, i * cols + j, i * cols + j + width, width - kept);
    }
  return keep;
}

/// |w| and |w| * norm, in the type that the library scores in.
template <class T>
matrix<tamp::compute_type<T>> magnitudes(const matrix<T>& weight) {
  auto scores = as<tamp::compute_type<T>>(weight);
  for (std::size_t k = 0; k < weight.rows() * weight.cols(); ++k)
    scores.data()[k] = scores.data()[k] < 0 ? -scores.data()[k] : scores.data()[k];
  return scores;
}
template <class T>
matrix<tamp::compute_type<T>> magnitudes(const matrix<T>& weight, const std::vector<float>& norms) {
  auto scores = magnitudes(weight);
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j) scores(i, j) *= norms[j];
  return scores;
}

}  // namespace support
