#pragma once

/// @file
/// Softmax attention of a tile of queries, over keys that arrive block by block.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "../../execute/instructions.hpp"
#include "../../simd/products.hpp"
#include "../../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The attention of up to `lanes` queries to keys and values, (tokens, head_dim) of any strides,
/// with a running softmax. Only the scores of one block of keys at a time are stored.
///
/// Lane s of every array belongs to query s. The lanes are contiguous, so that one number of a key
/// or value is loaded once for all queries. Sums are computed for each block and then added, which
/// keeps the accuracy independent of the number of keys. Sums of products use fused multiply-add
/// where the instruction set has it (simd/products.hpp): AVX2 and AVX-512 give the same bits, the
/// portable loops may differ.
class attention_tile {
 public:
  static constexpr std::size_t lanes = portable::products::queries, block = 128;
  /// The score of a hidden key. It is far from infinity, also as a difference to any other score.
  static constexpr float hidden = -0x1p126f;
  /// Upper bound of the absolute value of scores.
  static constexpr float highest = 0x1p124f;

  attention_tile(matrix_view<const float> keys, matrix_view<const float> values)
      : keys_(keys),
        values_(values),
        queries_(keys.cols() * lanes),
        parts_(values.cols() * lanes),
        sums_(values.cols() * lanes),
        scores_(block * lanes) {}

  /// Starts a new tile with some rows of the queries, multiplied by `factor`, which must be log2(e)
  /// times the scale of the scores.
  void start(matrix_view<const float> queries, std::span<const std::size_t> rows, float factor) {
    std::fill(queries_.begin(), queries_.end(), 0.0f);
    for (std::size_t s = 0; s < rows.size(); ++s)
      for (std::size_t d = 0; d < queries.cols(); ++d)
        queries_[d * lanes + s] = queries(rows[s], d) * factor;
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    std::fill_n(weight_, lanes, 0.0f);
    std::fill_n(largest_, lanes, hidden / 2);
  }

  /// Adds up to `block` keys. `hide(key, scores)` overwrites with `hidden` the scores, one for each
  /// lane, of the queries that must not see the key.
  template <class Hide>
  void add(std::span<const std::size_t> keys, const Hide& hide) {
    std::ptrdiff_t rows[block];
    for (std::size_t r = 0; r < keys.size(); ++r)
      rows[r] = static_cast<std::ptrdiff_t>(keys[r]) * keys_.row_stride();
    const auto key = [&](std::size_t r, std::size_t d) {
      return keys_.data()[rows[r] + static_cast<std::ptrdiff_t>(d) * keys_.col_stride()];
    };
    with_products(set_, [&](auto products) {
      products.multiply_queries(key, keys.size(), queries_.data(), keys_.cols(), scores_.data());
    });
    for (std::size_t r = 0; r < keys.size(); ++r)
      hide(keys[r], std::span<float, lanes>(scores_.data() + r * lanes, lanes));

    for (std::size_t r = 0; r < keys.size(); ++r)
      rows[r] = static_cast<std::ptrdiff_t>(keys[r]) * values_.row_stride();
    const auto value = [&](std::size_t d, std::size_t r) {
      return values_.data()[rows[r] + static_cast<std::ptrdiff_t>(d) * values_.col_stride()];
    };
    with_products(set_, [&](auto products) {
      float shrink[lanes];
      products.make_weights(scores_.data(), keys.size(), largest_, weight_, shrink);
      products.multiply_queries(value, values_.cols(), scores_.data(), keys.size(), parts_.data());
      products.add_shrunk(parts_.data(), values_.cols(), shrink, sums_.data());
    });
  }

  /// Writes the means of the values, one row for each query; zeros for a query that saw no key.
  void finish(matrix_view<float> out, std::span<const std::size_t> rows) const {
    for (std::size_t s = 0; s < rows.size(); ++s) {
      const float share = weight_[s] > 0 ? 1 / weight_[s] : 0.0f;
      for (std::size_t d = 0; d < out.cols(); ++d) out(rows[s], d) = sums_[d * lanes + s] * share;
    }
  }

 private:
  execute::instructions set_ = execute::current_instructions();
  matrix_view<const float> keys_, values_;
  std::vector<float> queries_, parts_, sums_;  // (head_dim, lanes) each
  std::vector<float> scores_;                  // (block, lanes)
  float weight_[lanes] = {}, largest_[lanes] = {};
};

}  // namespace tamp::inline TAMP_FLAGS::detail
