#pragma once

/// @file
/// The kernels of pattern::n_of_m.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../../pattern/n_of_m.hpp"
#include "../bitmask.cuh"
#include "block.cuh"
#include "scored.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Threads of a block. For M <= 32, as many 32-bit words suffice for its groups.
inline constexpr unsigned most_group_threads = 256;

/// Returns the bits of those of `width` scores that stay: all but the `drop` lowest. Ties: the
/// first is dropped first. A score's rank is the number of scores that are dropped before it.
/// Counting them by comparisons needs no branch and no sort.
template <unsigned M, class Score>
__device__ std::uint32_t highest(const Score (&scores)[M], unsigned width, unsigned drop) {
  std::uint32_t kept = 0;
  for (unsigned i = 0; i < M; ++i) {
    unsigned rank = 0;
    for (unsigned k = 0; k < i; ++k) rank += scores[k] <= scores[i];
    for (unsigned k = i + 1; k < M; ++k) rank += k < width && scores[k] < scores[i];
    kept |= std::uint32_t{i < width && rank >= drop} << i;
  }
  return kept;
}

/// Returns the bits of the group from column j on, whose elements have been loaded.
template <unsigned N, unsigned M, class T, class Score>
__device__ std::uint32_t kept_of_group(const scored_weight<T, Score>& scored, const T* elements,
                                       const float* statistics, std::size_t i, std::size_t j) {
  typename scored_weight<T, Score>::score_type scores[M];
  const std::size_t cols = scored.weight.cols();
  if (j + M <= cols) {
    for (unsigned k = 0; k < M; ++k)
      scores[k] = scored.checked_score(elements[k], statistics[k], i, j + k);
    return highest(scores, M, M - N);
  }
  if (j >= cols) return 0;
  const auto rest = static_cast<unsigned>(cols - j);
  for (unsigned k = 0; k < M; ++k)
    scores[k] = k < rest ? scored.checked_score(elements[k], statistics[k], i, j + k) : 0;
  return highest(scores, rest, rest - (N * rest + M - 1) / M);
}

/// For groups that fill 32 bits without a remainder: a thread decides the groups of one pack, or
/// one larger group, and lanes join their bits. Each weight is read once and each word written
/// once.
template <unsigned N, unsigned M, bool IsPacked, class T, class Score>
__global__ void select_n_of_m_in_lanes(scored_weight<T, Score> scored, unsigned* keep,
                                       std::size_t halves) {
  constexpr unsigned width = (std::max)(M, pack<T>::size);
  scored.check_statistics();
  const std::size_t place = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::size_t j = place * width, half = j / 32;
  for (std::size_t i = blockIdx.y; i < scored.weight.rows(); i += gridDim.y) {
    std::uint32_t bits = 0;
    if (j < scored.weight.cols()) {
      T elements[width];
      float statistics[width] = {};
      load_columns<width, IsPacked>(scored.weight, i, j, elements);
      scored.template load_statistics<width, IsPacked>(j, statistics);
      for (unsigned g = 0; g < width; g += M)
        bits |= kept_of_group<N, M>(scored, elements + g, statistics + g, i, j + g) << g;
    }
    bits = join_bits<width>(bits);
    if (half < halves && j % 32 == 0) keep[i * halves + half] = bits;
  }
}

/// For any other groups: a thread decides one group and puts its bits, which may straddle two
/// words, into shared memory. The groups of a block together fill whole words.
template <unsigned N, unsigned M, class T, class Score>
__global__ void select_n_of_m_in_blocks(scored_weight<T, Score> scored, unsigned* keep,
                                        std::size_t halves) {
  auto& words = shared_memory<unsigned[most_group_threads]>();
  const unsigned count = blockDim.x / 32 * M;  // number of 32-bit words of this block
  scored.check_statistics();
  const std::size_t first = std::size_t{blockIdx.x} * count;
  const std::size_t j = (std::size_t{blockIdx.x} * blockDim.x + threadIdx.x) * M;
  for (std::size_t i = blockIdx.y; i < scored.weight.rows(); i += gridDim.y) {
    for (unsigned w = threadIdx.x; w < count; w += blockDim.x) words[w] = 0;
    __syncthreads();
    T elements[M];
    float statistics[M] = {};
    load_columns<M, false>(scored.weight, i, j, elements);
    scored.template load_statistics<M, false>(j, statistics);
    const std::uint64_t bits =
        std::uint64_t{kept_of_group<N, M>(scored, elements, statistics, i, j)}
        << (threadIdx.x * M % 32);
    unsigned* const at = words + threadIdx.x * M / 32;
    if (const auto low = static_cast<unsigned>(bits); low != 0) atomicOr(at, low);
    if (const auto high = static_cast<unsigned>(bits >> 32); high != 0) atomicOr(at + 1, high);
    __syncthreads();
    for (unsigned w = threadIdx.x; w < count && first + w < halves; w += blockDim.x)
      keep[i * halves + first + w] = words[w];
    __syncthreads();
  }
}

template <std::size_t N, std::size_t M, class T, class Score>
void select_with(pattern::n_of_m<N, M>, const cuda::on_stream& on,
                 const scored_weight<T, Score>& scored, double, cuda::bitmask& keep) {
  constexpr unsigned n = N, m = M;
  const std::size_t halves = keep.words_per_row() * 2;
  // A weight without elements still has statistics to check.
  const std::size_t rows = (std::max)(scored.weight.rows(), std::size_t{1});
  const auto blocks_and_threads = [&](std::size_t places) {
    const auto threads = static_cast<unsigned>(
        std::clamp<std::size_t>((places + 31) / 32 * 32, 32, most_group_threads));
    return std::pair(grid_of((std::max)(blocks_of(places, threads), 1u), rows), threads);
  };
  auto* const words = reinterpret_cast<unsigned*>(keep.words());
  if constexpr (32 % M == 0) {
    constexpr std::size_t width = (std::max)(m, pack<T>::size);
    const auto [blocks, threads] = blocks_and_threads(halves * 32 / width);
    launch(scored.is_packed() ? &select_n_of_m_in_lanes<n, m, true, T, Score>
                              : &select_n_of_m_in_lanes<n, m, false, T, Score>,
           blocks, threads, 0, on, scored, words, halves);
  } else {
    const auto [blocks, threads] = blocks_and_threads((halves * 32 + M - 1) / M);
    launch(&select_n_of_m_in_blocks<n, m, T, Score>, blocks, threads,
           threads / 32 * M * sizeof(unsigned), on, scored, words, halves);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
