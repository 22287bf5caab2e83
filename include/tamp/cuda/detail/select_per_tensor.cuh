#pragma once

/// @file
/// The kernels of pattern::per_tensor.
///
/// A radix selection over the whole weight. Each pass counts the open scores by their digit, in
/// shared memory and then in global memory, and one block enters the digit that has the threshold. A last pass writes the mask without the scores that equal the
/// threshold, and counts these in each tile. A tile is read once more only if some of them stay.
/// Tiles are parts of rows and follow each other in row-major order, independent of the block that
/// processes them. The kernels are asynchronous.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../../detail/drop_count.hpp"
#include "../../detail/radix_selection.hpp"
#include "../../pattern/per_tensor.hpp"
#include "../bitmask.cuh"
#include "../workspace.cuh"
#include "block.cuh"
#include "scored.cuh"
#include "select_per_row.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// A weight cut into tiles of at most `tile_cols` columns of one row.
struct tiling {
  static constexpr std::size_t tile_cols = 2048, tile_halves = tile_cols / 32;
  std::size_t tiles_per_row, tiles;

  tiling(std::size_t rows, std::size_t cols)
      : tiles_per_row((cols + tile_cols - 1) / tile_cols), tiles(rows * tiles_per_row) {}

  __device__ std::size_t row(std::size_t tile) const { return tile / tiles_per_row; }
  __device__ std::size_t first_column(std::size_t tile) const {
    return tile % tiles_per_row * tile_cols;
  }
};

/// The known part of the threshold. Initially bytes of zeros.
template <class Key>
struct tensor_cut {
  radix_selection<Key> find;  // of the threshold; valid after the first round
  unsigned done;              // 1 if bound and ties are known
  Key bound;
  wide ties;
};

struct digit_room {
  static constexpr int bits = 11;
  static constexpr unsigned digits = 1u << bits;
  unsigned count[digits];
};

/// Counts the open keys by their digit. The first round seeks the `drop`-th lowest key.
template <bool IsFirst, bool IsPacked, class T, class Score>
__global__ void count_digits(scored_weight<T, Score> scored, tiling tiled, wide drop,
                             const tensor_cut<typename scored_weight<T, Score>::key>* cut,
                             wide* total) {
  using key = typename scored_weight<T, Score>::key;
  constexpr unsigned step = IsPacked ? pack<T>::size : 1;
  if constexpr (IsFirst) {
    scored.check_statistics();
  } else if (cut->done != 0) {
    return;
  }
  auto& room = shared_memory<digit_room>();
  for (unsigned d = threadIdx.x; d < digit_room::digits; d += blockDim.x) room.count[d] = 0;
  __syncthreads();
  const auto find = IsFirst ? radix_selection<key>(drop, digit_room::bits) : cut->find;
  for (std::size_t tile = blockIdx.x; tile < tiled.tiles; tile += gridDim.x) {
    const std::size_t i = tiled.row(tile), first = tiled.first_column(tile);
    const std::size_t last = (std::min)(first + tiling::tile_cols, scored.weight.cols());
    for (std::size_t j = first + threadIdx.x * step; j < last; j += blockDim.x * step) {
      T elements[step];
      float statistics[step] = {};
      load_columns<step, IsPacked>(scored.weight, i, j, elements);
      scored.template load_statistics<step, IsPacked>(j, statistics);
      for (unsigned k = 0; k < step && j + k < last; ++k) {
        const key found = IsFirst ? scored.checked_key(elements[k], statistics[k], i, j + k)
                                  : scored.key_of(elements[k], statistics[k]);
        if (IsFirst || find.is_open(found)) atomicAdd(&room.count[find.digit(found)], 1u);
      }
    }
  }
  __syncthreads();
  for (unsigned d = threadIdx.x; d < digit_room::digits; d += blockDim.x)
    if (room.count[d] != 0) atomicAdd(&total[d], wide{room.count[d]});
}

/// One block: enters the digit that has the threshold, and clears the counts.
template <class Key>
__global__ void enter_digit(tensor_cut<Key>* cut, wide* total, bool is_first, wide drop) {
  if (cut->done != 0) return;
  auto& sums = shared_memory<wide[32]>();
  const unsigned each = digit_room::digits / blockDim.x, first = threadIdx.x * each;
  auto find = is_first ? radix_selection<Key>(drop, digit_room::bits) : cut->find;
  wide mine = 0, all = 0;
  for (unsigned d = first; d < first + each; ++d) mine += total[d];
  wide below = sum_of_lower_threads(mine, sums, all);
  if (below < find.rank() && find.rank() <= below + mine) {
    unsigned d = first;
    for (; below + total[d] < find.rank(); ++d) below += total[d];
    find.enter(d, below);
    cut->find = find;
    if (find.rank() == total[d]) {
      cut->bound = past(find.key());
      cut->done = 1;
    } else if (find.is_done()) {
      cut->bound = find.key();
      cut->ties = find.rank();
      cut->done = 1;
    }
  }
  __syncthreads();
  for (unsigned d = first; d < first + each; ++d) total[d] = 0;
}

/// Writes the mask of the keys above the bound, and of those equal to it if there are no ties to
/// resolve. Otherwise it counts those equal to it in each tile. `is_first` states that the weight
/// has not been read before.
template <bool IsPacked, class T, class Score>
__global__ void keep_above_bound(scored_weight<T, Score> scored, tiling tiled,
                                 const tensor_cut<typename scored_weight<T, Score>::key>* cut,
                                 bool is_first, unsigned* keep, std::size_t halves,
                                 unsigned* equal) {
  constexpr unsigned step = IsPacked ? pack<T>::size : 1;
  auto& sums = shared_memory<unsigned[32]>();
  if (is_first) scored.check_statistics();
  const auto bound = cut->bound;
  const bool has_ties = cut->ties != 0;
  for (std::size_t tile = blockIdx.x; tile < tiled.tiles; tile += gridDim.x) {
    const std::size_t i = tiled.row(tile), first = tiled.first_column(tile);
    const std::size_t end = (std::min)(first + tiling::tile_cols, halves * 32);
    unsigned equals = 0;
    // All lanes of a warp run the same iterations, since they join their bits.
    for (std::size_t start = first + std::size_t{warp_number()} * warp_size * step; start < end;
         start += std::size_t{blockDim.x} * step) {
      const std::size_t j = start + lane_number() * step;
      unsigned bits = 0;
      if (j < scored.weight.cols()) {
        T elements[step];
        float statistics[step] = {};
        load_columns<step, IsPacked>(scored.weight, i, j, elements);
        scored.template load_statistics<step, IsPacked>(j, statistics);
        for (unsigned k = 0; k < step && j + k < scored.weight.cols(); ++k) {
          const auto key = is_first ? scored.checked_key(elements[k], statistics[k], i, j + k)
                                    : scored.key_of(elements[k], statistics[k]);
          bits |= static_cast<unsigned>(key > bound || (key == bound && !has_ties)) << k;
          equals += key == bound;
        }
      }
      bits = join_bits<step>(bits);
      if (j % 32 == 0 && j < end) keep[i * halves + j / 32] = bits;
    }
    if (has_ties) {
      unsigned all = 0;
      sum_of_lower_threads(equals, sums, all);
      if (threadIdx.x == 0) equal[tile] = all;
    }
  }
}

/// One block: sums the ties before each tile.
template <class Key>
__global__ void add_up_ties(const tensor_cut<Key>* cut, tiling tiled, const unsigned* equal,
                            wide* before) {
  if (cut->ties == 0) return;
  auto& sums = shared_memory<wide[32]>();
  const std::size_t each = (tiled.tiles + blockDim.x - 1) / blockDim.x;
  const std::size_t begin = (std::min)(threadIdx.x * each, tiled.tiles);
  const std::size_t end = (std::min)(begin + each, tiled.tiles);
  wide mine = 0, all = 0;
  for (std::size_t t = begin; t < end; ++t) mine += equal[t];
  wide sum = sum_of_lower_threads(mine, sums, all);
  for (std::size_t t = begin; t < end; ++t) {
    before[t] = sum;
    sum += equal[t];
  }
}

/// Sets the bits of the keys that equal the bound and stay: all but the first `ties` of the weight.
template <class T, class Score>
__global__ void keep_late_ties(scored_weight<T, Score> scored, tiling tiled,
                               const tensor_cut<typename scored_weight<T, Score>::key>* cut,
                               const unsigned* equal, const wide* before, unsigned* keep,
                               std::size_t halves) {
  using key = typename scored_weight<T, Score>::key;
  if (cut->ties == 0) return;
  auto& ties_of_warps = shared_memory<unsigned[32]>();
  for (std::size_t tile = blockIdx.x; tile < tiled.tiles; tile += gridDim.x) {
    if (equal[tile] == 0 || before[tile] + equal[tile] <= cut->ties) continue;
    const std::size_t i = tiled.row(tile), first = tiled.first_column(tile);
    const wide to_drop = cut->ties > before[tile] ? cut->ties - before[tile] : 0;
    const auto cols = static_cast<unsigned>(
        (std::min)(scored.weight.cols() - first, std::size_t{tiling::tile_cols}));
    keep_above([&](unsigned j) { return scored.key_at(i, first + j); }, cols,
               key_cut<key>{cut->bound, static_cast<unsigned>(to_drop)},
               keep + i * halves + first / 32, blocks_of(cols, 32), ties_of_warps);
    __syncthreads();
  }
}

/// The offsets of the parts of the scratch memory.
template <class Key>
struct tensor_scratch {
  std::size_t cut = 0, total, before, equal, bytes;

  explicit tensor_scratch(const tiling& tiled)
      : total(cuda::allocation_size(sizeof(tensor_cut<Key>))),
        before(total + digit_room::digits * sizeof(wide)),
        equal(before + tiled.tiles * sizeof(wide)),
        bytes(equal + tiled.tiles * sizeof(unsigned)) {}
};

template <class T, class Score>
void select_with(pattern::per_tensor, const cuda::on_stream& on,
                 const scored_weight<T, Score>& scored, double sparsity, cuda::bitmask& keep) {
  using key = typename scored_weight<T, Score>::key;
  constexpr unsigned threads = 256;
  constexpr int bits = sizeof(key) * 8;
  const tiling tiled(scored.weight.rows(), scored.weight.cols());
  const tensor_scratch<key> places(tiled);
  const cuda::buffer scratch(on, places.bytes);
  auto* const cut = scratch.as<tensor_cut<key>>(places.cut);
  auto* const total = scratch.as<wide>(places.total);
  auto* const before = scratch.as<wide>(places.before);
  auto* const equal = scratch.as<unsigned>(places.equal);
  on.fill(scratch.data(), 0, places.before);

  const std::size_t resident = 8 * device_attribute(cudaDevAttrMultiProcessorCount);
  const auto blocks = static_cast<unsigned>(std::clamp<std::size_t>(tiled.tiles, 1, resident));
  const bool is_packed = scored.is_packed();
  const std::size_t drop = drop_count(keep.size(), sparsity);
  for (int decided = 0; decided < bits && drop != 0; decided += digit_room::bits) {
    const bool is_first = decided == 0;
    launch(is_first ? (is_packed ? &count_digits<true, true, T, Score>
                                 : &count_digits<true, false, T, Score>)
                    : (is_packed ? &count_digits<false, true, T, Score>
                                 : &count_digits<false, false, T, Score>),
           blocks, threads, sizeof(digit_room), on, scored, tiled, wide{drop}, cut, total);
    launch(&enter_digit<key>, 1, threads, 32 * sizeof(wide), on, cut, total, is_first, wide{drop});
  }
  auto* const words = reinterpret_cast<unsigned*>(keep.words());
  const std::size_t halves = keep.words_per_row() * 2;
  launch(is_packed ? &keep_above_bound<true, T, Score> : &keep_above_bound<false, T, Score>, blocks,
         threads, 32 * sizeof(unsigned), on, scored, tiled, cut, drop == 0, words, halves, equal);
  launch(&add_up_ties<key>, 1, threads, 32 * sizeof(wide), on, cut, tiled, equal, before);
  launch(&keep_late_ties<T, Score>, blocks, threads, 32 * sizeof(unsigned), on, scored, tiled, cut,
         equal, before, words, halves);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
