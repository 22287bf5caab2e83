#pragma once

/// @file
/// The N:M pattern, which keeps N of every M neighbours and which sparse hardware can use.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "../error.hpp"
#include "../mask/detail/bits.hpp"
#include "../role.hpp"
#include "../simd/cut.hpp"
#include "../simd/mask_words.hpp"
#include "detail/highest_of_group.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// Keeps the N highest-scored of every M consecutive inputs.
///
/// Use n_of_m<2, 4> when the target has sparse tensor cores (NVIDIA Ampere and later).
///
///     keep(row, group) = N highest scores of columns [M * group, M * group + M)
///
/// A last group of r < M columns keeps ceil(N * r / M). Ties: the lower column is dropped first. N
/// is the number of weights KEPT. Papers in which "N:M" prunes N agree only at 2:4 and 4:8. The
/// sparsity is 1 - N/M by construction, so a recipe with this pattern has no allocation.
/// Source: Mishra et al. 2021 (arXiv 2104.08378).
template <std::size_t N, std::size_t M>
struct n_of_m {
  static_assert(0 < N && N < M && M <= 32,
                "pattern::n_of_m<N, M> keeps N of every M weights: 0 < N < M <= 32");
  using role = tamp::role::pattern;
  static constexpr double sparsity = 1.0 - static_cast<double>(N) / static_cast<double>(M);
  static constexpr std::size_t group = M;  ///< number of columns that are decided together
  static constexpr std::size_t kept = N;   ///< of each group
  static std::string label() { return detail::sentence(N, ":", M); }

  template <class Score>
  class row_selector {
   public:
    row_selector(std::size_t, double) {}

    /// Sets the bits of `keep` for one row of scores.
    void operator()(const detail::scored_row<Score>& scores, std::span<mask::word> keep) const {
      const std::size_t whole = scores.size() / M * M, rest = scores.size() - whole;
      std::size_t j = 0;
      if constexpr (N == 2 && M == 4 && std::is_same_v<Score, float>) {
        detail::with_mask_words([&](auto loops) {
          loops.keep_2_of_4(scores.data(), scores.size(), keep.data(), scores.next);
        });
        j = scores.size() / mask::word_bits * mask::word_bits;
      }
      std::fill(keep.begin() + static_cast<std::ptrdiff_t>(j / mask::word_bits), keep.end(),
                mask::word{0});
      for (; j < whole; j += M) detail::keep_highest(scores.data() + j, M, M - N, j, keep);
      if (rest != 0)
        detail::keep_highest(scores.data() + whole, rest, rest - (N * rest + M - 1) / M, whole,
                             keep);
    }

    void operator()(std::span<const Score> scores, std::span<mask::word> keep) const {
      (*this)(detail::scored_row<Score>{scores}, keep);
    }
  };

  friend bool operator==(const n_of_m&, const n_of_m&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
