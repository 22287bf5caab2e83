#pragma once

/// @file
/// The mixed N:M pattern: an allocation chooses N for each layer, and M is fixed.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "../detail/drop_count.hpp"
#include "../error.hpp"
#include "../role.hpp"
#include "../simd/cut.hpp"
#include "../simd/mask_words.hpp"
#include "detail/highest_of_group.hpp"

namespace tamp::inline TAMP_FLAGS::pattern {

/// Keeps the N highest-scored of every M consecutive inputs, where N follows from the layer's
/// sparsity.
///
/// Use it with an allocation that compares layers, so that sensitive layers keep more of each group
/// than others. allocate::in_groups makes the sparsities of an allocation multiples of 1 / M, on
/// target over the whole model.
///
///     N                = M - floor(M * sparsity)
///     keep(row, group) = N highest scores of columns [M * group, M * group + M)
///
/// A last group of r < M columns keeps ceil(N * r / M). Ties: the lower column is dropped first. A
/// layer may keep all of each group, or nothing. With one sparsity for every layer it keeps what
/// n_of_m<N, M> keeps.
/// Source: the mixed N:8 sparsity of Sun et al. 2021, DominoSearch (NeurIPS 2021), as applied to
/// language models by Yin et al. 2024, OWL (arXiv 2310.05175).
/// @see pattern::n_of_m, which fixes N for all layers
template <std::size_t M>
struct mixed_n_of_m {
  static_assert(1 < M && M <= 32,
                "pattern::mixed_n_of_m<M> keeps some of every M weights: 1 < M <= 32");
  using role = tamp::role::pattern;
  static constexpr std::size_t group = M;  ///< number of columns that are decided together
  static std::string label() { return detail::sentence("N:", M); }

  template <class Score>
  class row_selector {
   public:
    row_selector(std::size_t, double sparsity) : kept_(M - detail::drop_count(M, sparsity)) {}

    /// Sets the bits of `keep` for one row of scores.
    void operator()(const detail::scored_row<Score>& scores, std::span<mask::word> keep) const {
      const std::size_t whole = scores.size() / M * M, rest = scores.size() - whole;
      std::size_t j = 0;
      if constexpr (M == 4 && std::is_same_v<Score, float>)
        if (kept_ == 2) {
          detail::with_mask_words([&](auto loops) {
            loops.keep_2_of_4(scores.data(), scores.size(), keep.data(), scores.next);
          });
          j = scores.size() / mask::word_bits * mask::word_bits;
        }
      std::fill(keep.begin() + static_cast<std::ptrdiff_t>(j / mask::word_bits), keep.end(),
                mask::word{0});
      for (; j < whole; j += M) detail::keep_highest(scores.data() + j, M, M - kept_, j, keep);
      if (rest != 0)
        detail::keep_highest(scores.data() + whole, rest, rest - (kept_ * rest + M - 1) / M, whole,
                             keep);
    }

    void operator()(std::span<const Score> scores, std::span<mask::word> keep) const {
      (*this)(detail::scored_row<Score>{scores}, keep);
    }

   private:
    std::size_t kept_;
  };

  friend bool operator==(const mixed_n_of_m&, const mixed_n_of_m&) = default;
};

}  // namespace tamp::inline TAMP_FLAGS::pattern
