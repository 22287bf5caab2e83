#pragma once

/// @file
/// Softmax attention of a few queries at a time, over keys that come block by block.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Neighbouring floats that a processor adds and multiplies at once. GCC does not find them in
/// plain loops whose sums must stay in registers.
#if defined(__GNUC__) && defined(__AVX__)
using float_pack [[gnu::vector_size(32)]] = float;
#elif defined(__GNUC__)
using float_pack [[gnu::vector_size(16)]] = float;
#else
struct float_pack {
  float numbers[4];
  float_pack& operator+=(const float_pack& other) noexcept {
    for (int s = 0; s < 4; ++s) numbers[s] += other.numbers[s];
    return *this;
  }
  friend float_pack operator*(float number, float_pack pack) noexcept {
    for (float& one : pack.numbers) one *= number;
    return pack;
  }
};
#endif

/// Numbers become 2^number, to 2e-7 of it, and 0 below -126.5. They must not be positive.
///
/// Without a branch or a call, so that it vectorises; in two passes, since GCC makes a branch of
/// the first as soon as it sees what follows.
inline void exp2_of_negative(float* numbers, std::size_t count) noexcept {
  for (std::size_t k = 0; k < count; ++k) numbers[k] = numbers[k] > -127.0f ? numbers[k] : -127.0f;
  for (std::size_t k = 0; k < count; ++k) {
    const auto whole = static_cast<std::int32_t>(numbers[k] - 0.5f);  // the nearest
    const float part = numbers[k] - static_cast<float>(whole);        // in [-0.5, 0.5]
    // The series of exp(part * ln 2): its eighth term is below 6e-9.
    float sum = 1.5252734e-5f;
    sum = sum * part + 1.5403530e-4f;
    sum = sum * part + 1.3333558e-3f;
    sum = sum * part + 9.6181291e-3f;
    sum = sum * part + 5.5504109e-2f;
    sum = sum * part + 2.4022651e-1f;
    sum = sum * part + 6.9314718e-1f;
    sum = sum * part + 1.0f;
    numbers[k] = sum * std::bit_cast<float>((whole + 127) << 23);  // by 0 if whole is -127
  }
}

/// The attention of up to `lanes` queries to keys and values, (tokens, head_dim) of any strides,
/// with a running softmax: scores of one block of keys at a time are all that is stored.
///
/// Lane s of everything belongs to query s, side by side, so that one number of a key or value is
/// loaded once for all queries. Sums are made block by block, and the blocks' sums then added: as
/// good over many keys as over few.
class attention_tile {
 public:
  static constexpr std::size_t lanes = 16, block = 128;
  /// A score that counts nothing. Far from infinity, also as a difference to any other.
  static constexpr float hidden = -0x1p126f;
  /// What scores must stay below, either sign.
  static constexpr float highest = 0x1p124f;

  attention_tile(matrix_view<const float> keys, matrix_view<const float> values)
      : keys_(keys),
        values_(values),
        queries_(keys.cols() * lanes),
        sums_(values.cols() * lanes),
        scores_(block * lanes) {}

  /// Begins anew with some rows of the queries, multiplied by `factor`: with log2(e) times what the
  /// scores are to be multiplied by.
  void start(matrix_view<const float> queries, std::span<const std::size_t> rows, float factor) {
    std::fill(queries_.begin(), queries_.end(), 0.0f);
    for (std::size_t s = 0; s < rows.size(); ++s)
      for (std::size_t d = 0; d < queries.cols(); ++d)
        queries_[d * lanes + s] = queries(rows[s], d) * factor;
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    std::fill_n(weight_, lanes, 0.0f);
    std::fill_n(largest_, lanes, hidden / 2);
  }

  /// Takes in up to `block` keys. `hide(key, scores)` overwrites with `hidden` the scores, one a
  /// lane, of the queries that must not see the key.
  template <class Hide>
  void add(std::span<const std::size_t> keys, const Hide& hide) {
    std::ptrdiff_t rows[block];
    for (std::size_t r = 0; r < keys.size(); ++r)
      rows[r] = static_cast<std::ptrdiff_t>(keys[r]) * keys_.row_stride();
    in_groups(keys.size(), [&](std::size_t first, auto& part) {
      const auto key = [&](std::size_t i, std::size_t d) {
        return keys_.data()[rows[first + i] + static_cast<std::ptrdiff_t>(d) * keys_.col_stride()];
      };
      multiply(key, queries_.data(), keys_.cols(), part);
      std::copy_n(&part[0][0], sizeof part / sizeof(float), scores_.data() + first * lanes);
    });
    for (std::size_t r = 0; r < keys.size(); ++r)
      hide(keys[r], std::span<float, lanes>(scores_.data() + r * lanes, lanes));

    float shrink[lanes];
    make_weights(keys.size(), shrink);
    for (std::size_t r = 0; r < keys.size(); ++r)
      rows[r] = static_cast<std::ptrdiff_t>(keys[r]) * values_.row_stride();
    in_groups(values_.cols(), [&](std::size_t first, auto& part) {
      const auto value = [&](std::size_t i, std::size_t r) {
        return values_
            .data()[rows[r] + static_cast<std::ptrdiff_t>(first + i) * values_.col_stride()];
      };
      multiply(value, scores_.data(), keys.size(), part);
      float* sums = sums_.data() + first * lanes;
      for (const auto& row : part)
        for (std::size_t s = 0; s < lanes; ++s, ++sums) *sums = *sums * shrink[s] + row[s];
    });
  }

  /// Writes the means of the values, one row a query; zeros for a query that saw no key.
  void finish(matrix_view<float> out, std::span<const std::size_t> rows) const {
    for (std::size_t s = 0; s < rows.size(); ++s) {
      const float share = weight_[s] > 0 ? 1 / weight_[s] : 0.0f;
      for (std::size_t d = 0; d < out.cols(); ++d) out(rows[s], d) = sums_[d * lanes + s] * share;
    }
  }

 private:
  /// part[i][s] = sum over r of left(i, r) * right[r * lanes + s], held in registers.
  template <std::size_t Rows, class Left>
  static void multiply(const Left& left, const float* right, std::size_t count,
                       float (&part)[Rows][lanes]) noexcept {
    constexpr std::size_t width = sizeof(float_pack) / sizeof(float), packs = lanes / width;
    float_pack sums[Rows][packs] = {}, numbers[packs];
    for (std::size_t r = 0; r < count; ++r, right += lanes) {
      for (std::size_t p = 0; p < packs; ++p)
        std::memcpy(&numbers[p], right + p * width, sizeof(float_pack));
      for (std::size_t i = 0; i < Rows; ++i) {
        const float factor = left(i, r);
        for (std::size_t p = 0; p < packs; ++p) sums[i][p] += factor * numbers[p];
      }
    }
    for (std::size_t i = 0; i < Rows; ++i)
      for (std::size_t p = 0; p < packs; ++p) {
        const float_pack sum = sums[i][p];  // the address of `sums` itself keeps it from registers
        std::memcpy(&part[i][p * width], &sum, sizeof sum);
      }
  }

  /// use(first, part) with room for as many rows of lanes at a time as registers can hold.
  template <class Use>
  static void in_groups(std::size_t count, const Use& use) {
    std::size_t k = 0;
    for (float part[6][lanes]; k + 6 <= count; k += 6) use(k, part);
    for (float part[2][lanes]; k + 2 <= count; k += 2) use(k, part);
    for (float part[1][lanes]; k < count; ++k) use(k, part);
  }

  /// Turns scores into weights relative to the largest score so far. What was summed up before is
  /// too large by 1 / shrink.
  void make_weights(std::size_t keys, float (&shrink)[lanes]) noexcept {
    float largest[lanes], weight[lanes] = {}, *const scores = scores_.data();
    std::copy_n(largest_, lanes, largest);
    for (std::size_t r = 0; r < keys; ++r)
      for (std::size_t s = 0; s < lanes; ++s)
        largest[s] = scores[r * lanes + s] > largest[s] ? scores[r * lanes + s] : largest[s];
    for (std::size_t r = 0; r < keys; ++r)
      for (std::size_t s = 0; s < lanes; ++s) scores[r * lanes + s] -= largest[s];
    exp2_of_negative(scores, keys * lanes);
    for (std::size_t r = 0; r < keys; ++r)
      for (std::size_t s = 0; s < lanes; ++s) weight[s] += scores[r * lanes + s];

    for (std::size_t s = 0; s < lanes; ++s) shrink[s] = largest_[s] - largest[s];
    exp2_of_negative(shrink, lanes);
    for (std::size_t s = 0; s < lanes; ++s) {
      weight_[s] = weight_[s] * shrink[s] + weight[s];
      largest_[s] = largest[s];
    }
  }

  matrix_view<const float> keys_, values_;
  std::vector<float> queries_, sums_, scores_;  // (head_dim, lanes) twice, (block, lanes)
  float weight_[lanes] = {}, largest_[lanes] = {};
};

}  // namespace tamp::inline TAMP_FLAGS::detail
