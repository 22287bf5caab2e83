#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <limits>
#include <tamp/cuda/on.cuh>

namespace bench {

// Lets the device's pool keep what is given back to it. By default it goes back to the system at
// each synchronisation, so that every timed call would begin by asking the system for memory.
inline void keep_the_pool() {
  cudaMemPool_t pool{};
  tamp::detail::check_cuda(cudaDeviceGetDefaultMemPool(&pool, 0), "the pool of the device");
  auto threshold = (std::numeric_limits<std::uint64_t>::max)();
  tamp::detail::check_cuda(
      cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold),
      "the pool of the device");
}

}  // namespace bench
