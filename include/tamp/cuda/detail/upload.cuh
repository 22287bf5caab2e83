#pragma once

/// @file
/// Asynchronous upload of short lists of the CPU to the GPU.

#include <algorithm>
#include <cstddef>
#include <span>

#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Numbers that are an argument of a kernel. Arguments may take 4 KB.
template <class T>
struct argument_list {
  static constexpr std::size_t size = 2048 / sizeof(T);
  T numbers[size];
};

template <class T>
__global__ void store_arguments(argument_list<T> from, unsigned count, T* to) {
  for (unsigned k = threadIdx.x; k < count; k += blockDim.x) to[k] = from.numbers[k];
}

/// Copies a list of the CPU into the GPU's memory, as arguments of kernels. Arguments are copied
/// when a kernel is started, so that the call is asynchronous and the list may be freed at once.
/// Use it for up to some thousands of tokens. A copy from pageable memory may wait for the stream.
template <class T>
void upload(const cuda::on_stream& on, std::span<const T> list, T* to) {
  using arguments = argument_list<T>;
  for (std::size_t first = 0; first < list.size(); first += arguments::size) {
    const auto part = list.subspan(first, (std::min)(arguments::size, list.size() - first));
    arguments some{};
    std::copy(part.begin(), part.end(), some.numbers);
    launch(&store_arguments<T>, 1, 256, 0, on, some, static_cast<unsigned>(part.size()),
           to + first);
  }
}

}  // namespace tamp::inline TAMP_FLAGS::detail
