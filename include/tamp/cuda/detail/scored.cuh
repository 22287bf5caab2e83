#pragma once

/// @file
/// Weights as ordered keys of their scores.

#include <cstddef>
#include <cstdint>

#include "../../detail/ordered_key.hpp"
#include "../../detail/special_numbers.hpp"
#include "../../score/detail/score_forms.hpp"
#include "../../score/detail/scored_rows.hpp"
#include "../../tensor/view.hpp"
#include "elements.cuh"
#include "status.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// A score that promises a number for finite weights and statistics. Its scores are checked anyway.
/// If one is NaN, the error does not give the weight, since no kernel looks it up.
template <class Score>
concept never_nan_score = requires { requires Score::never_nan; };

/// A weight and its score, with everything that a kernel needs to compute each weight's key. A key
/// is an unsigned integer in the order of the scores (see ordered_key.hpp).
template <class T, class Score>
struct scored_weight {
  using real = compute_type<T>;
  using score_type = decltype(score_of(std::declval<const Score&>(), real{}, float{}));
  using key = decltype(ordered_key(score_type{}));
  static_assert(std::is_same_v<score_type, float> || std::is_same_v<score_type, double>,
                "a score returns float or double");

  matrix_view<const T, cuda_space> weight;
  const float* statistics;  // one for each column; null for a score that needs none
  Score score;
  selection_status* status;

  __device__ score_type score_at(real number, float statistic) const {
    return score_of(score, number, statistic);
  }
  __device__ float statistic_of(std::size_t j) const {
    return needs_statistic<Score> ? statistics[j] : 0.0f;
  }
  /// Loads the statistics of `Count` columns from j on, a multiple of Count, with zeros past the
  /// last. If `IsPacked`, they are aligned as the weight is, and are loaded in packs.
  template <unsigned Count, bool IsPacked>
  __device__ void load_statistics(std::size_t j, float (&to)[Count]) const {
    if constexpr (needs_statistic<Score>)
      load_columns<Count, IsPacked>(
          matrix_view<const float, cuda_space>(statistics, 1, weight.cols()), 0, j, to);
  }

  /// Returns the score of element (i, j), which has been loaded, and notes numbers that cannot be
  /// used.
  __device__ score_type checked_score(T element, float statistic, std::size_t i,
                                      std::size_t j) const {
    const real number = number_of(element);
    const score_type found = score_at(number, statistic);
    if (!is_finite(number))
      atomicMin(&status->weight, broken_at(i * weight.cols() + j, number));
    else if (is_nan(found))
      atomicMin(&status->score, wide{i * weight.cols() + j});
    return found;
  }
  __device__ key checked_key(T element, float statistic, std::size_t i, std::size_t j) const {
    return ordered_key(checked_score(element, statistic, i, j));
  }
  /// Returns the key of an element that was checked before.
  __device__ key key_of(T element, float statistic) const {
    return ordered_key(score_at(number_of(element), statistic));
  }
  __device__ key key_at(std::size_t i, std::size_t j) const {
    return key_of(weight(i, j), statistic_of(j));
  }

  /// True if weights and statistics can be loaded in packs.
  bool is_packed() const noexcept {
    return has_packs(weight) && reinterpret_cast<std::uintptr_t>(statistics) % 16 == 0;
  }

  /// Checks in the first block that the statistics are finite. All threads of all blocks must call
  /// it.
  __device__ void check_statistics() const {
    if constexpr (needs_statistic<Score>)
      if (blockIdx.x == 0 && blockIdx.y == 0)
        for (std::size_t j = threadIdx.x; j < weight.cols(); j += blockDim.x)
          if (!is_finite(statistics[j])) atomicMin(&status->statistic, broken_at(j, statistics[j]));
  }
};

/// One thread, after the selection: notes the weight whose score is NaN, for the error.
template <class Scored>
__global__ void note_weight_of_score(Scored scored) {
  const wide place = scored.status->score;
  if (place == nowhere) return;
  const auto& weight = scored.weight;
  scored.status->weight_of_score =
      static_cast<double>(number_of(weight(place / weight.cols(), place % weight.cols())));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
