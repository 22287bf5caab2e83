#pragma once

/// @file
/// How kernels are started, and what they know of their block.
///
/// Kernels use nothing of CUDA but what this header and warp.cuh show: then tests/cuda/emulator.hpp
/// can run the very same kernels on a CPU.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "../on.cuh"

#if defined(__CUDACC__)
#  if !defined(__CUDACC_RELAXED_CONSTEXPR__)
#    error \
        "tamp's kernels call constexpr functions: compile with nvcc --expt-relaxed-constexpr, as the CMake target tamp::cuda does"
#  endif
#elif !defined(TAMP_CUDA_EMULATED)
#  error "tamp/cuda/*.cuh are compiled by nvcc: include them from a .cu file"
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// The largest number that a device attribute of the current device has.
inline std::size_t device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  check_cuda(cudaGetDevice(&device), "cuda");
  check_cuda(cudaDeviceGetAttribute(&value, attribute, device), "cuda");
  return static_cast<std::size_t>(value);
}

/// Bytes of shared memory that one block may ask for.
inline std::size_t shared_memory_limit() {
  return device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
}

/// Puts a kernel onto a stream. A grid without blocks is nothing to do.
/// @throws device_error if the kernel cannot be started
template <class... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            const cuda::on_stream& on, std::type_identity_t<Parameters>... arguments) {
  if (grid.x == 0 || grid.y == 0 || on.is_measured()) return;
  constexpr std::size_t without_asking = 48 * 1024;
  // The permission is the kernel's, not the launch's: always the same, so that host threads that
  // launch it with different sizes do not take it from each other.
  if (shared_bytes > without_asking)
    check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                    cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_memory_limit())),
               "cuda: a kernel cannot have its shared memory");
#if defined(__CUDACC__)
  // Not <<<>>>, whose refusal can only be had together with those of everybody before.
  void* pointers[] = {static_cast<void*>(&arguments)..., nullptr};
  check_cuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers,
                              shared_bytes, on.stream()),
             "cuda: a kernel could not be started");
#else
  emulator::run(grid, block, shared_bytes, on.stream(), [&] { kernel(arguments...); });
#endif
}

/// How many blocks of `size` cover `count`.
constexpr unsigned blocks_of(std::size_t count, std::size_t size) noexcept {
  return static_cast<unsigned>((count + size - 1) / size);
}

/// A grid of `blocks` for each of some rows, or of the most rows that a grid can have: kernels go
/// on gridDim.y rows later.
inline dim3 grid_of(unsigned blocks, std::size_t rows) {
  return dim3(blocks, static_cast<unsigned>((std::min)(rows, std::size_t{65535})));
}

/// The block's dynamic shared memory, as a T. There is nothing else in it.
template <class T>
__device__ T& shared_memory() {
#if defined(__CUDACC__)
  extern __shared__ uint4 tamp_shared_memory[];
  return *reinterpret_cast<T*>(tamp_shared_memory);
#else
  return *static_cast<T*>(emulator::shared_memory());
#endif
}

/// The most threads that a block has here; kernels that may get so many say so in their
/// __launch_bounds__, or they might need more registers than there are.
inline constexpr unsigned most_threads = 1024;

inline constexpr unsigned warp_size = 32;
inline constexpr unsigned whole_warp = 0xffffffffu;

__device__ inline unsigned lane_number() { return threadIdx.x % warp_size; }
__device__ inline unsigned warp_number() { return threadIdx.x / warp_size; }
__device__ inline unsigned warps_of_block() { return blockDim.x / warp_size; }

}  // namespace tamp::inline TAMP_FLAGS::detail
