#pragma once

/// @file
/// Operations of token policies on whole rows of attention.

#include <cstddef>
#include <span>
#include <vector>

#include "../../simd/attention_rows.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// True if all numbers are finite and nonnegative.
inline bool are_attention(std::span<const float> row) {
  return with_attention_rows(
      [&](auto loops) { return loops.are_attention(row.data(), row.size()); });
}

/// Adds a row to sums: sums[t] += row[t].
inline void add_row(std::span<const float> row, std::span<double> sums) {
  with_attention_rows([&](auto loops) { loops.add_row(row.data(), row.size(), sums.data()); });
}

/// Takes the elementwise maximum: highest[t] = max(highest[t], row[t]).
inline void take_maximum(std::span<const float> row, std::span<float> highest) {
  with_attention_rows(
      [&](auto loops) { loops.take_maximum(row.data(), row.size(), highest.data()); });
}

/// Gathers the numbers of the chosen tokens from one number for each token. Summing whole rows and
/// gathering once is faster than gathering from each row.
inline std::vector<double> of_tokens(std::span<const double> numbers,
                                     std::span<const std::size_t> tokens) {
  std::vector<double> chosen;
  chosen.reserve(tokens.size());
  for (const std::size_t t : tokens) chosen.push_back(numbers[t]);
  return chosen;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
