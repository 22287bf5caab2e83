#pragma once

/// @file
/// The kernel of pattern::per_row.

#include <algorithm>
#include <cstddef>

#include "../../detail/drop_count.hpp"
#include "../../pattern/per_row.hpp"
#include "../bitmask.cuh"
#include "block.cuh"
#include "scored.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Shared memory of one row; the keys follow.
struct row_room {
  alignas(16) std::byte ranges[32 * sizeof(key_range<wide>)];  // of each warp's keys
  cut_room cut;
  unsigned ties[32];  // of each warp
};
inline constexpr std::size_t row_room_bytes = (sizeof(row_room) + 15) / 16 * 16;

/// Writes the mask of one row, given its cut. Each warp has a range of columns, so that ties can be
/// counted from the left: first the number in each range, then, if it matters, one by one.
template <class Key, class KeyAt>
__device__ void keep_above(const KeyAt& key_at, unsigned cols, key_cut<Key> cut, unsigned* keep,
                           unsigned halves, unsigned* ties_of_warps) {
  const unsigned each = (halves + warps_of_block() - 1) / warps_of_block();
  const unsigned begin = (std::min)(warp_number() * each, halves);
  const unsigned end = (std::min)(begin + each, halves);
  unsigned ties = 0;  // number to the left of the warp's position
  if (cut.ties != 0) {
    unsigned mine = 0;
    for (unsigned h = begin; h < end; ++h) {
      const unsigned j = h * warp_size + lane_number();
      mine += j < cols && key_at(j) == cut.bound;
    }
    ties = sum_of_lower_warps(sum_of_lanes(mine), ties_of_warps);
  }
  for (unsigned h = begin; h < end; ++h) {
    const unsigned j = h * warp_size + lane_number();
    const bool is_column = j < cols;
    const Key key = is_column ? key_at(j) : Key{0};
    bool stays = is_column && key >= cut.bound;
    if (cut.ties != 0) {
      const unsigned equal = __ballot_sync(whole_warp, is_column && key == cut.bound);
      const unsigned to_the_left = equal & ((1u << lane_number()) - 1);
      stays &= key != cut.bound || ties + static_cast<unsigned>(__popc(to_the_left)) >= cut.ties;
      ties += static_cast<unsigned>(__popc(equal));
    }
    const unsigned bits = __ballot_sync(whole_warp, stays);
    if (lane_number() == 0) keep[h] = bits;
  }
}

/// Stores neighbouring keys, in packs if possible.
template <unsigned Count, class Key>
__device__ void store_keys(const Key (&keys)[Count], Key* to) {
  if constexpr (Count % pack<Key>::size == 0) {
    for (unsigned p = 0; p < Count; p += pack<Key>::size) {
      pack<Key> some;
      for (unsigned k = 0; k < pack<Key>::size; ++k) some.elements[k] = keys[p + k];
      *reinterpret_cast<pack<Key>*>(to + p) = some;
    }
  } else {
    for (unsigned k = 0; k < Count; ++k) to[k] = keys[k];
  }
}

/// One block for each row. The row is read once, and its keys are put into shared memory, from
/// which the cut is found and the mask is made. Rows that are too long for shared memory
/// (`IsCached` is false) are read and scored again each time.
template <bool IsCached, bool IsPacked, class T, class Score>
__global__ void __launch_bounds__(most_threads)
    select_per_row(scored_weight<T, Score> scored, unsigned drop, unsigned* keep, unsigned halves) {
  using key = typename scored_weight<T, Score>::key;
  constexpr unsigned width = IsPacked ? pack<T>::size : 1;
  auto& room = shared_memory<row_room>();
  auto* const keys = reinterpret_cast<key*>(reinterpret_cast<std::byte*>(&room) + row_room_bytes);
  const auto cols = static_cast<unsigned>(scored.weight.cols());

  scored.check_statistics();
  for (std::size_t i = blockIdx.x; i < scored.weight.rows(); i += gridDim.x) {
    key_range<key> range{static_cast<key>(~key{0}), 0};
    for (unsigned j = threadIdx.x * width; j < cols; j += blockDim.x * width) {
      T elements[width];
      float statistics[width] = {};
      load_columns<width, IsPacked>(scored.weight, i, j, elements);
      scored.template load_statistics<width, IsPacked>(j, statistics);
      key found[width];
      for (unsigned k = 0; k < width; ++k)
        found[k] = j + k < cols ? scored.checked_key(elements[k], statistics[k], i, j + k) : key{0};
      for (unsigned k = 0; k < width && j + k < cols; ++k)
        range = {(std::min)(range.lowest, found[k]), (std::max)(range.highest, found[k])};
      if constexpr (IsCached) store_keys(found, keys + j);
    }
    range = range_of_threads(range, reinterpret_cast<key_range<key>*>(room.ranges));
    const auto key_at = [&](unsigned j) {
      if constexpr (IsCached)
        return keys[j];
      else
        return scored.key_at(i, j);
    };
    key_cut<key> cut{0, 0};
    if (drop == cols)
      cut.bound = static_cast<key>(~key{0});
    else if (drop != 0)
      cut = find_cut<key>(key_at, cols, drop, room.cut, range);
    keep_above(key_at, cols, cut, keep + i * halves, halves, room.ties);
    __syncthreads();  // before the next row's keys
  }
}

/// The number of threads for a row: about sixteen keys for each in a long row, and at least a warp.
inline unsigned threads_for_row(std::size_t cols) noexcept {
  const std::size_t wanted = (cols / 16 + warp_size - 1) / warp_size * warp_size;
  return static_cast<unsigned>(std::clamp<std::size_t>(wanted, warp_size, most_threads));
}

template <class T, class Score>
void select_with(pattern::per_row, const cuda::on_stream& on, const scored_weight<T, Score>& scored,
                 double sparsity, cuda::bitmask& keep) {
  const std::size_t cols = scored.weight.cols();
  const auto drop = static_cast<unsigned>(drop_count(cols, sparsity));
  using key = typename scored_weight<T, Score>::key;
  // The last pack may extend past the row.
  const std::size_t cached_bytes = row_room_bytes + (cols + pack<T>::size) * sizeof(key);
  const bool is_cached = cached_bytes <= shared_memory_limit();
  const bool is_packed = scored.is_packed();
  const auto kernel = is_cached ? (is_packed ? &select_per_row<true, true, T, Score>
                                             : &select_per_row<true, false, T, Score>)
                                : (is_packed ? &select_per_row<false, true, T, Score>
                                             : &select_per_row<false, false, T, Score>);
  const std::size_t blocks = std::clamp<std::size_t>(scored.weight.rows(), 1, 0x7fffffff);
  launch(kernel, static_cast<unsigned>(blocks), threads_for_row(cols),
         is_cached ? cached_bytes : row_room_bytes, on, scored, drop,
         reinterpret_cast<unsigned*>(keep.words()),
         static_cast<unsigned>(keep.words_per_row() * 2));
}

}  // namespace tamp::inline TAMP_FLAGS::detail
