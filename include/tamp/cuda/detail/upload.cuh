#pragma once

/// @file
/// Short lists of the CPU for the GPU, without waiting.

#include <algorithm>
#include <cstddef>
#include <span>

#include "launch.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// Numbers that are an argument of a kernel, of which there may be 4 KB.
template <class T>
struct argument_list {
  static constexpr std::size_t size = 2048 / sizeof(T);
  T numbers[size];
};

template <class T>
__global__ void store_arguments(argument_list<T> from, unsigned count, T* to) {
  for (unsigned k = threadIdx.x; k < count; k += blockDim.x) to[k] = from.numbers[k];
}

/// Puts a list of the CPU into the GPU's memory, as arguments of kernels: they are copied when a
/// kernel is started, so that nothing waits and the list may go at once. For some thousands of
/// tokens; a copy out of ordinary memory may wait for the stream.
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
