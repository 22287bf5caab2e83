#pragma once

// Parts that the tests of the GPU share. Under nvcc they run on a GPU, if there is one; under
// another compiler the same kernels run on the emulator.

#if !defined(__CUDACC__)
#  include "emulator.hpp"
#endif

#include <cuda_runtime_api.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <tamp/cuda/bitmask.cuh>
#include <tamp/cuda/on.cuh>
#include <tamp/cuda/workspace.cuh>
#include <tamp/tensor/view.hpp>
#include <vector>

#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

namespace support {

#if defined(TAMP_CUDA_EMULATED)
inline constexpr bool is_emulated = true;
#else
inline constexpr bool is_emulated = false;
#endif

/// True for the cases of a loop that are run: on a GPU, all of them.
inline bool is_run_here(std::size_t k, std::size_t nth) { return !is_emulated || is_run(k, nth); }

/// Device memory with the contents of a matrix, in any layout.
template <class T>
class device_matrix {
 public:
  device_matrix(const matrix<T>& numbers, std::ptrdiff_t row_stride, std::ptrdiff_t col_stride,
                std::size_t offset = 0)
      : rows_(numbers.rows()), cols_(numbers.cols()), offset_(offset) {
    row_stride_ = row_stride;
    col_stride_ = col_stride;
    std::size_t extent = 0;
    if (rows_ != 0 && cols_ != 0)
      extent = (rows_ - 1) * static_cast<std::size_t>(row_stride) +
               (cols_ - 1) * static_cast<std::size_t>(col_stride) + 1;
    host_.resize(offset + extent + 8);
    std::memset(static_cast<void*>(host_.data()), 0x3c, host_.size() * sizeof(T));
    for (std::size_t i = 0; i < rows_; ++i)
      for (std::size_t j = 0; j < cols_; ++j) host_[at(i, j)] = numbers(i, j);
    BOOST_REQUIRE(cudaMalloc(&memory_, host_.size() * sizeof(T)) == cudaSuccess);
    cudaMemcpyAsync(memory_, host_.data(), host_.size() * sizeof(T), cudaMemcpyHostToDevice,
                    nullptr);
    cudaStreamSynchronize(nullptr);
  }
  explicit device_matrix(const matrix<T>& numbers)
      : device_matrix(numbers, static_cast<std::ptrdiff_t>(numbers.cols()), 1) {}
  device_matrix(const device_matrix&) = delete;
  device_matrix& operator=(const device_matrix&) = delete;
  ~device_matrix() { cudaFree(memory_); }

  tamp::matrix_view<T, tamp::cuda_space> view() const {
    return {static_cast<T*>(memory_) + offset_, rows_, cols_, row_stride_, col_stride_};
  }

  /// The numbers as they are now; checks that nothing between them was written.
  matrix<T> numbers() const {
    std::vector<T> now(host_.size());
    cudaMemcpyAsync(now.data(), memory_, now.size() * sizeof(T), cudaMemcpyDeviceToHost, nullptr);
    BOOST_REQUIRE(cudaStreamSynchronize(nullptr) == cudaSuccess);
    matrix<T> m(rows_, cols_);
    std::vector<T> between = host_;
    for (std::size_t i = 0; i < rows_; ++i)
      for (std::size_t j = 0; j < cols_; ++j) m(i, j) = between[at(i, j)] = now[at(i, j)];
    const bool untouched =
        std::memcmp(static_cast<const void*>(now.data()), static_cast<const void*>(between.data()),
                    now.size() * sizeof(T)) == 0;
    BOOST_TEST(untouched, "memory between the elements was written");
    return m;
  }

 private:
  std::size_t at(std::size_t i, std::size_t j) const {
    return offset_ + i * static_cast<std::size_t>(row_stride_) +
           j * static_cast<std::size_t>(col_stride_);
  }

  std::size_t rows_, cols_, offset_;
  std::ptrdiff_t row_stride_, col_stride_;
  std::vector<T> host_;
  void* memory_ = nullptr;
};

/// Calls take what bytes_needed says, from a workspace of just that size, and nothing else.
template <class Calls>
void check_bytes_needed(const Calls& calls) {
  const std::size_t bytes = tamp::cuda::bytes_needed(calls);
  BOOST_TEST(bytes != 0u);
  const tamp::cuda::buffer memory(tamp::on(nullptr), bytes);
#if defined(TAMP_CUDA_EMULATED)
  const std::size_t allocations = emulator::allocations;
#endif
  tamp::cuda::workspace enough(memory.data(), bytes);
  calls(tamp::on(nullptr, enough));
  BOOST_TEST(enough.most_used() == bytes);
  BOOST_TEST(enough.used() == 0u);
  tamp::cuda::workspace too_small(memory.data(), bytes - tamp::cuda::allocation_step);
  BOOST_CHECK_THROW(calls(tamp::on(nullptr, too_small)), tamp::device_error);
#if defined(TAMP_CUDA_EMULATED)
  BOOST_TEST(emulator::allocations == allocations);
#endif
}

/// A row of numbers on the device.
template <class T = float>
device_matrix<T> device_row(const std::vector<T>& numbers) {
  matrix<T> row(1, numbers.size());
  std::copy(numbers.begin(), numbers.end(), row.data());
  return device_matrix<T>(row);
}

}  // namespace support
