#pragma once

// The limits of the memory: the floors that every kernel is compared to, and the loop that
// compares.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace bench {

// What floor.cpp does as fast as this processor can, whatever the rest is compiled for: the sum of
// all bytes; a change of one bit in every eight bytes, in place; multiply-adds on numbers that stay
// in registers.
void read(std::span<const std::byte> bytes);
void read_modify_write(std::span<std::byte> bytes);
template <class Real>
void multiply_add(std::size_t count);

// The first two, shared out among an executor's threads.
template <class Executor>
void read(const Executor& exec, std::span<const std::byte> bytes) {
  exec.for_each_range(bytes.size() / 4096, [&](std::size_t begin, std::size_t end) {
    read(bytes.subspan(begin * 4096, (end - begin) * 4096));
  });
}
template <class Executor>
void read_modify_write(const Executor& exec, std::span<std::byte> bytes) {
  exec.for_each_range(bytes.size() / 4096, [&](std::size_t begin, std::size_t end) {
    read_modify_write(bytes.subspan(begin * 4096, (end - begin) * 4096));
  });
}

// Bytes of a vector of numbers, for the floors.
template <class T>
std::span<std::byte> bytes_of(std::vector<T>& numbers) {
  return std::as_writable_bytes(std::span(numbers));
}

// Runs floor and kernel in turn on data that `refresh` has just written, and reports the kernel's
// time, the floor's, and the ratio of their medians. Only ratios travel between machines.
template <class Refresh, class Floor, class Kernel>
void against_floor(benchmark::State& state, std::size_t bytes, const Refresh& refresh,
                   const Floor& floor, const Kernel& kernel) {
  using clock = std::chrono::steady_clock;
  const auto seconds = [&](const auto& work) {
    refresh();
    const auto start = clock::now();
    work();
    return std::chrono::duration<double>(clock::now() - start).count();
  };
  std::vector<double> floors, kernels;
  for (auto _ : state) {
    floors.push_back(seconds(floor));
    kernels.push_back(seconds(kernel));
    state.SetIterationTime(kernels.back());
  }
  const auto median = [](std::vector<double> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  };
  state.counters["floor_ms"] = 1e3 * median(floors);
  state.counters["kernel_ms"] = 1e3 * median(kernels);
  state.counters["ratio"] = median(kernels) / median(floors);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

// Numbers as weights have them: normal, each row with a scale of its own.
inline std::vector<float> random_weights(std::size_t rows, std::size_t cols) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> weights(rows * cols);
  for (std::size_t i = 0; i < rows; ++i) {
    const float scale = std::exp(0.3f * normal(generator));
    for (std::size_t j = 0; j < cols; ++j) weights[i * cols + j] = scale * normal(generator);
  }
  return weights;
}

// Norms as activations have them: log-normal, a few features far above the others.
inline std::vector<float> random_norms(std::size_t cols) {
  std::mt19937 generator(2);
  std::lognormal_distribution<float> lognormal;
  std::vector<float> norms(cols);
  for (std::size_t j = 0; j < cols; ++j)
    norms[j] = lognormal(generator) * (j % 512 == 7 ? 50.0f : 1.0f);
  return norms;
}

}  // namespace bench
