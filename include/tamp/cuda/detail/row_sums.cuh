#pragma once

/// @file
/// Sums over rows with the same bits as on the CPU.

#include <cstddef>
#include <cstdint>

#include "elements.cuh"
#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Sixteen threads for each of sixteen rows.
///
/// The CPU adds the j-th number of a row to accumulator j mod 16, and adds the accumulators in
/// pairs (row_sums.inl). Here each accumulator has a thread, so that the bits are the same and
/// independent of the grid. Neighbouring threads have neighbouring columns of a row or, if
/// `ByColumns`, neighbouring rows, whichever are contiguous.
template <bool ByColumns>
struct row_team {
  static constexpr unsigned sums = 16, rows = 16, threads = sums * rows;
  static constexpr std::size_t room_bytes = threads * sizeof(double);

  /// The accumulator and the row of this thread within the block.
  __device__ static unsigned sum() { return ByColumns ? threadIdx.x / rows : threadIdx.x % sums; }
  __device__ static unsigned row() { return ByColumns ? threadIdx.x % rows : threadIdx.x / sums; }

  /// Calls use(element, column) for the columns of this thread's accumulator, from `first` on, in
  /// order. Several elements are loaded before they are used, to hide the latency of memory.
  template <class T, class Use>
  __device__ static void for_each(const matrix_view<const T, cuda_space>& m, std::size_t i,
                                  std::size_t first, const Use& use) {
    constexpr unsigned ahead = 8;
    for (std::size_t j = first + sum(); j < m.cols(); j += sums * ahead) {
      T elements[ahead];
      for (unsigned k = 0; k < ahead; ++k)
        elements[k] = j + k * sums < m.cols() ? m(i, j + k * sums) : element_traits<T>::store(0);
      for (unsigned k = 0; k < ahead; ++k)
        if (j + k * sums < m.cols()) use(elements[k], j + k * sums);
    }
  }

  /// Returns the sum of a row, to the thread of its first accumulator. All threads must take part.
  __device__ static double in_pairs(double mine) {
    auto& room = shared_memory<double[rows][sums]>();
    room[row()][sum()] = mine;
    __syncthreads();
    double* const lane = room[row()];
    if (sum() == 0)
      for (unsigned half = sums / 2; half != 0; half /= 2)
        for (unsigned k = 0; k < half; ++k) lane[k] += lane[k + half];
    return sum() == 0 ? lane[0] : 0.0;
  }
};

/// True if threads should take neighbouring rows.
template <class T>
bool lies_by_columns(const matrix_view<T, cuda_space>& m) noexcept {
  return !m.contiguous_rows() && m.contiguous_cols();
}

/// Returns the sum of `count` numbers in order, to the first thread. `room` has a place for each
/// thread. All threads of the block must take part: they load, and the first one adds.
__device__ inline double sum_in_order(double sum, const double* numbers, std::size_t count,
                                      double* room) {
  for (std::size_t first = 0; first < count; first += blockDim.x) {
    const std::size_t mine = first + threadIdx.x;
    if (mine < count) room[threadIdx.x] = numbers[mine];
    __syncthreads();
    if (threadIdx.x == 0) {
      const std::size_t left = count - first;
      for (unsigned k = 0; k < blockDim.x && k < left; ++k) sum += room[k];
    }
    __syncthreads();
  }
  return sum;
}

}  // namespace tamp::inline TAMP_FLAGS::detail
