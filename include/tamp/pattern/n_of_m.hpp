#pragma once

/// @file
/// The N:M pattern, which keeps N of every M neighbours and which sparse hardware can use.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../error.hpp"
#include "../mask/detail/bits.hpp"
#include "../role.hpp"
#include "../simd/cut.hpp"
#include "../simd/mask_words.hpp"

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
      for (; j < whole; j += M) put(keep, j, highest(scores.data() + j, M, M - N));
      if (rest != 0)
        put(keep, whole, highest(scores.data() + whole, rest, rest - (N * rest + M - 1) / M));
    }

    void operator()(std::span<const Score> scores, std::span<mask::word> keep) const {
      (*this)(detail::scored_row<Score>{scores}, keep);
    }

   private:
    // A weight's rank is the number of weights in its group that are dropped before it. Counting
    // them by comparisons needs no branch and no sort.
    static std::uint32_t highest(const Score* group, std::size_t width, std::size_t drop) {
      std::uint32_t kept = 0;
      for (std::size_t i = 0; i < width; ++i) {
        std::size_t rank = 0;
        for (std::size_t k = 0; k < i; ++k) rank += group[k] <= group[i];
        for (std::size_t k = i + 1; k < width; ++k) rank += group[k] < group[i];
        kept |= std::uint32_t{rank >= drop} << i;
      }
      return kept;
    }

    // A group may straddle two words.
    static void put(std::span<mask::word> keep, std::size_t j, mask::word bits) {
      const std::size_t shift = j % mask::word_bits, at = j / mask::word_bits;
      keep[at] |= bits << shift;
      if (shift > mask::word_bits - M && at + 1 < keep.size())
        keep[at + 1] |= bits >> (mask::word_bits - shift);
    }
  };

  friend bool operator==(const n_of_m&, const n_of_m&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
