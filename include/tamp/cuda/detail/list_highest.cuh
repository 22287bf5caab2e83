#pragma once

/// @file
/// The list of the indices of the highest scores.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../index_list.cuh"
#include "block.cuh"
#include "select_per_row.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The key of a score that always stays.
inline constexpr wide always = ~wide{0};

/// One thread: notes the value of the number that cannot be used. Place p is element (p / inner, p
/// % inner) of a matrix with these strides. Inner indices from `end` on stand for no element.
template <class T>
__global__ void note_value(const T* numbers, wide inner, wide end, std::ptrdiff_t outer_stride,
                           std::ptrdiff_t inner_stride, list_status* status) {
  const wide place = status->place;
  if (place == nowhere || place % inner >= end) return;
  status->value = static_cast<double>(
      number_of(numbers[static_cast<std::ptrdiff_t>(place / inner) * outer_stride +
                        static_cast<std::ptrdiff_t>(place % inner) * inner_stride]));
}

/// Writes the numbers of the bits that are set, ascending. Returns their count to all threads.
__device__ inline unsigned list_bits(const std::uint32_t* bits, unsigned words,
                                     std::uint32_t* indices, unsigned* sums) {
  unsigned listed = 0;
  for (unsigned first = 0; first < words; first += blockDim.x) {
    const unsigned h = first + threadIdx.x;
    std::uint32_t left = h < words ? bits[h] : 0;
    const auto mine = static_cast<unsigned>(__popc(left));
    unsigned at = listed + sum_of_lower_lanes(mine);
    at += sum_of_lower_warps(sum_of_lanes(mine), sums);
    for (; left != 0; left &= left - 1)
      indices[at++] = h * 32 + static_cast<unsigned>(__ffs(static_cast<int>(left))) - 1;
    // `sums` has the number of each warp.
    for (unsigned w = 0; w < warps_of_block(); ++w) listed += sums[w];
    __syncthreads();
  }
  return listed;
}

/// One block: drops the `drop` lowest of `count` keys, and lists the others. Ties: the lower index
/// is dropped first. `bits` has a bit for each key.
template <class List>
__global__ void __launch_bounds__(most_threads)
    list_highest(const wide* keys, unsigned count, unsigned drop, std::uint32_t* bits,
                 std::uint32_t* indices, List* status) {
  auto& room = shared_memory<row_room>();
  if (status->place != nowhere) {
    if (threadIdx.x == 0) status->size = 0;
    return;
  }
  const auto key_at = [&](unsigned k) { return keys[k]; };
  key_cut<wide> cut{0, 0};
  if (drop == count)
    cut.bound = always;
  else if (drop != 0)
    cut = find_cut<wide>(key_at, count, drop, room.cut);
  const unsigned words = (count + 31) / 32;
  keep_above(key_at, count, cut, bits, words, room.ties);
  __syncthreads();
  const unsigned listed = list_bits(bits, words, indices, room.ties);
  if (threadIdx.x == 0) status->size = listed;
}

/// The number of bytes of scratch memory for `count` keys, below 2^32: keys, then bits.
inline std::size_t list_scratch_bytes(std::size_t count) noexcept {
  return count * sizeof(wide) + (count + 31) / 32 * sizeof(std::uint32_t);
}

/// Puts the selection onto the stream. `scratch` begins with the keys.
inline void list_the_highest(const cuda::on_stream& on, const cuda::buffer& scratch,
                             std::size_t count, std::size_t drop, cuda::index_list& list) {
  const auto threads =
      static_cast<unsigned>(std::clamp<std::size_t>((count + 255) / 256 * 32, 32, 1024));
  launch(&list_highest<list_status>, 1, threads, row_room_bytes, on, scratch.as<wide>(),
         static_cast<unsigned>(count), static_cast<unsigned>(drop),
         scratch.as<std::uint32_t>(count * sizeof(wide)), list.data(), list.status());
}

}  // namespace tamp::inline TAMP_FLAGS::detail
