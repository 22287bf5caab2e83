#pragma once

/// @file
/// The launch of kernels, and their view of their block.
///
/// Kernels use only those parts of CUDA that tests/cuda/emulator.hpp provides, so that it can run
/// the same kernels on a CPU.

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

/// Returns a device attribute of the current device.
inline std::size_t device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  check_cuda(cudaGetDevice(&device), "cuda");
  check_cuda(cudaDeviceGetAttribute(&value, attribute, device), "cuda");
  return static_cast<std::size_t>(value);
}

/// The number of bytes of shared memory that one block may request.
inline std::size_t shared_memory_limit() {
  return device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
}

/// Puts a kernel onto a stream. A grid without blocks launches nothing.
/// @throws device_error if the kernel cannot be started
template <class... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            const cuda::on_stream& on, std::type_identity_t<Parameters>... arguments) {
  if (grid.x == 0 || grid.y == 0 || on.is_measured()) return;
  constexpr std::size_t without_asking = 48 * 1024;
  // The permission belongs to the kernel, not to the launch. It is always the same, so that host
  // threads that launch the kernel with different sizes do not revoke it from each other.
  if (shared_bytes > without_asking)
    check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                    cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_memory_limit())),
               "cuda: a kernel cannot have its shared memory");
#if defined(__CUDACC__)
  // Not <<<>>>, which reports its own error only together with earlier ones of other callers.
  void* pointers[] = {static_cast<void*>(&arguments)..., nullptr};
  check_cuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers,
                              shared_bytes, on.stream()),
             "cuda: a kernel could not be started");
#else
  emulator::run(grid, block, shared_bytes, on.stream(), [&] { kernel(arguments...); });
#endif
}

/// The number of blocks of `size` that cover `count`.
constexpr unsigned blocks_of(std::size_t count, std::size_t size) noexcept {
  return static_cast<unsigned>((count + size - 1) / size);
}

/// A grid of `blocks` for each of some rows, up to the limit of a grid. Kernels must loop over the
/// other rows with a stride of gridDim.y.
inline dim3 grid_of(unsigned blocks, std::size_t rows) {
  return dim3(blocks, static_cast<unsigned>((std::min)(rows, std::size_t{65535})));
}

/// The block's dynamic shared memory, as a T, which is its only content.
template <class T>
__device__ T& shared_memory() {
#if defined(__CUDACC__)
  extern __shared__ uint4 tamp_shared_memory[];
  return *reinterpret_cast<T*>(tamp_shared_memory);
#else
  return *static_cast<T*>(emulator::shared_memory());
#endif
}

/// The largest number of threads of a block in this library. Kernels that may have as many must
/// declare it in __launch_bounds__, so that they do not use too many registers.
inline constexpr unsigned most_threads = 1024;

inline constexpr unsigned warp_size = 32;
inline constexpr unsigned whole_warp = 0xffffffffu;

__device__ inline unsigned lane_number() { return threadIdx.x % warp_size; }
__device__ inline unsigned warp_number() { return threadIdx.x / warp_size; }
__device__ inline unsigned warps_of_block() { return blockDim.x / warp_size; }

}  // namespace tamp::inline TAMP_FLAGS::detail
