#pragma once

/// @file
/// Reductions, scans and selections by the threads of a block.

#include <algorithm>
#include <cstddef>

#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Returns the sum of the lower lanes' values.
template <class T>
__device__ T sum_of_lower_lanes(T value) {
  T sum = value;
  for (unsigned distance = 1; distance < warp_size; distance *= 2) {
    const T lower = __shfl_up_sync(whole_warp, sum, distance);
    if (lane_number() >= distance) sum += lower;
  }
  return sum - value;
}

/// Returns the sum over the lanes, to all of them.
template <class T>
__device__ T sum_of_lanes(T value) {
  for (unsigned distance = warp_size / 2; distance != 0; distance /= 2)
    value += __shfl_xor_sync(whole_warp, value, static_cast<int>(distance));
  return value;
}

/// Returns the sum of the values of lower warps, to all lanes. `value` must be the same in all
/// lanes of a warp. `sums` has a place for each warp. All threads of the block must take part.
template <class T>
__device__ T sum_of_lower_warps(T value, T* sums) {
  if (lane_number() == 0) sums[warp_number()] = value;
  __syncthreads();
  const T lower = lane_number() < warp_number() ? sums[lane_number()] : T{0};
  return sum_of_lanes(lower);
}

/// Returns to each thread the sum of the values of lower threads. `of_all` becomes the sum over
/// all.
template <class T>
__device__ T sum_of_lower_threads(T value, T* sums, T& of_all) {
  const T lower_lanes = sum_of_lower_lanes(value), of_warp = sum_of_lanes(value);
  const T lower_warps = sum_of_lower_warps(of_warp, sums);
  of_all = sum_of_lanes(lane_number() < warps_of_block() ? sums[lane_number()] : T{0});
  __syncthreads();  // before `sums` is used again
  return lower_warps + lower_lanes;
}

/// Joins the bits of lanes to words. Each lane has `Count` bits of a mask, a divisor of 32. Each
/// lane receives the 32 bits of the lanes that share its word, lower lanes first.
template <unsigned Count>
__device__ unsigned join_bits(unsigned bits) {
  constexpr unsigned lanes = 32 / Count;
  if constexpr (Count == 1) {
    return __ballot_sync(whole_warp, static_cast<int>(bits));
  } else {
    bits <<= lane_number() % lanes * Count;
    for (unsigned distance = 1; distance < lanes; distance *= 2)
      bits |= __shfl_xor_sync(whole_warp, bits, static_cast<int>(distance));
    return bits;
  }
}

/// Returns the next key. The last key, which no number has, returns itself.
template <class Key>
__device__ Key past(Key key) {
  return key == static_cast<Key>(~Key{0}) ? key : static_cast<Key>(key + 1);
}

/// The end of the lowest `rank` of a set of keys: they are the keys below `bound`, and `ties` of
/// the keys equal to it.
template <class Key>
struct key_cut {
  Key bound;
  unsigned ties;
};

/// The keys between a lowest and a highest one.
template <class Key>
struct key_range {
  Key lowest = 0, highest = static_cast<Key>(~Key{0});
};

/// Returns the range of the keys of the lanes, to all of them.
template <class Key>
__device__ key_range<Key> range_of_lanes(key_range<Key> range) {
  for (unsigned distance = warp_size / 2; distance != 0; distance /= 2) {
    const auto by = static_cast<int>(distance);
    range.lowest = (std::min)(range.lowest, __shfl_xor_sync(whole_warp, range.lowest, by));
    range.highest = (std::max)(range.highest, __shfl_xor_sync(whole_warp, range.highest, by));
  }
  return range;
}

/// Returns the range of the keys of all threads of the block. `ranges` has a place for each warp.
template <class Key>
__device__ key_range<Key> range_of_threads(key_range<Key> range, key_range<Key>* ranges) {
  range = range_of_lanes(range);
  if (lane_number() == 0) ranges[warp_number()] = range;
  __syncthreads();
  return range_of_lanes(ranges[lane_number() % warps_of_block()]);
}

/// The number of bits of a number, up to the highest that is set.
template <class Key>
__device__ unsigned bits_up_to_uppermost(Key number) {
  if constexpr (sizeof(Key) == 8)
    return 64 - static_cast<unsigned>(__clzll(static_cast<long long>(number)));
  else
    return 32 - static_cast<unsigned>(__clz(static_cast<int>(number)));
}

/// Shared memory of find_cut.
struct cut_room {
  static constexpr unsigned digit_bits = 8, digits = 1u << digit_bits;
  unsigned count[digits];
  unsigned digit, below, equal;
};

/// Finds the cut after the lowest `rank` of the keys key_at(0) ... key_at(count - 1), which lie in
/// `range`, 0 < rank <= count. All threads of the block must take part. key_at is called several
/// times for each key, and must return the same each time.
///
/// A radix selection: it divides the range into 256 parts, counts the keys of each, enters the part
/// that has the rank-th key, divides that part, and so on. It ends as soon as a part ends exactly
/// at the rank. With a range that fits the keys, threads rarely contend for one counter, and two or
/// three rounds suffice.
template <class Key, class KeyAt>
__device__ key_cut<Key> find_cut(const KeyAt& key_at, unsigned count, unsigned rank, cut_room& room,
                                 key_range<Key> range = {}) {
  constexpr unsigned digit = cut_room::digit_bits;
  for (;;) {
    const Key reach = static_cast<Key>(range.highest - range.lowest);
    const unsigned bits = bits_up_to_uppermost(reach);
    const unsigned shift = bits > digit ? bits - digit : 0;
    for (unsigned d = threadIdx.x; d < cut_room::digits; d += blockDim.x) room.count[d] = 0;
    __syncthreads();
    for (unsigned j = threadIdx.x; j < count; j += blockDim.x) {
      const Key place = static_cast<Key>(key_at(j) - range.lowest);
      if (place <= reach) atomicAdd(&room.count[place >> shift], 1u);
    }
    __syncthreads();
    if (warp_number() == 0) {
      constexpr unsigned each = cut_room::digits / warp_size;
      const unsigned first = lane_number() * each;
      unsigned sum = 0;
      for (unsigned d = first; d < first + each; ++d) sum += room.count[d];
      unsigned below = sum_of_lower_lanes(sum);
      if (below < rank && rank <= below + sum) {
        unsigned d = first;
        for (; below + room.count[d] < rank; ++d) below += room.count[d];
        room.digit = d;
        room.below = below;
        room.equal = room.count[d];
      }
    }
    __syncthreads();
    rank -= room.below;
    const Key part = static_cast<Key>((Key{1} << shift) - 1);
    range.lowest = static_cast<Key>(range.lowest + (Key{room.digit} << shift));
    const Key left = static_cast<Key>(range.highest - range.lowest);
    range.highest = static_cast<Key>(range.lowest + (std::min)(part, left));
    if (rank == room.equal) return {past(range.highest), 0};
    if (shift == 0) return {range.lowest, rank};
    // The next round counts only after a barrier, when all threads have read this round's result.
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
