#pragma once

/// @file
/// The mask of a device tensor: one bit for each weight, on the device.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string_view>

#include "../detail/checked.hpp"
#include "../mask/bitmask.hpp"
#include "detail/status.cuh"
#include "on.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS::cuda {

/// A mask over a (rows, cols) weight of the GPU: true where the weight is KEPT. It is in the memory
/// of the GPU, in the layout of mask::bitmask.
///
/// Next to the words is a note of the first number that `select` could not use, such as a weight
/// that is not finite. An asynchronous call cannot throw for it. Instead, tamp::apply reads the
/// note on the device and leaves the weight unchanged if there is one, and `check` and `to_host`,
/// which wait, throw the exception that the CPU's select throws. Movable, not copyable. The memory
/// is freed in the order of the stream on which the mask was made.
class bitmask {
 public:
  bitmask() = default;

  /// Allocates a mask whose words are not written yet.
  /// @throws shape_error if no memory can hold the mask of a weight of this shape
  /// @throws device_error if there is not enough memory
  bitmask(const on_stream& on, std::size_t rows, std::size_t cols)
      : rows_(rows), cols_(cols), memory_(on, bytes_of(rows, cols)) {
    on.fill(memory_.data(), 0xff, allocation_step);
  }

  /// Copies a mask to the device. The CPU's mask must outlive the copy on the stream.
  static bitmask from(const on_stream& on, const mask::bitmask& keep) {
    bitmask copy(on, keep.rows(), keep.cols());
    if (keep.size() != 0) on.copy(copy.words(), keep.row(0).data(), copy.word_bytes());
    return copy;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  std::size_t size() const noexcept { return rows_ * cols_; }
  std::size_t words_per_row() const noexcept { return words_of(cols_); }

  /// The words, row-major, in the GPU's memory. Bits past the last column are zero.
  mask::word* words() noexcept { return memory_.as<mask::word>(allocation_step); }
  const mask::word* words() const noexcept { return memory_.as<mask::word>(allocation_step); }
  /// The note of select, for kernels.
  tamp::detail::selection_status* status() noexcept {
    return memory_.as<tamp::detail::selection_status>();
  }
  const tamp::detail::selection_status* status() const noexcept {
    return memory_.as<tamp::detail::selection_status>();
  }

  /// The number of bytes that a mask of this shape allocates.
  /// @throws shape_error if no memory can hold it
  static constexpr std::size_t bytes_of(std::size_t rows, std::size_t cols) {
    tamp::detail::check_shape("bitmask", rows, cols);
    return allocation_step +
           tamp::detail::checked_matrix("bitmask", rows, words_of(cols), sizeof(mask::word)) *
               sizeof(mask::word);
  }

  /// WAITS for the stream, and throws the exception that select would have thrown on the CPU.
  /// @throws value_error if a weight, a statistic or a score cannot be used (not finite, NaN),
  ///         naming the first by row and column
  void check(const on_stream& on, std::string_view operation = "select",
             std::string_view layer = {}) const {
    if (memory_.data() == nullptr) return;
    tamp::detail::selection_status found{};
    on.copy(&found, status(), sizeof found);
    on.wait();
    tamp::detail::raise_if_statistic_broken(found, operation, layer);
    tamp::detail::raise_if_weight_broken(found, cols_, operation, layer);
  }

  /// WAITS for the stream, checks, and copies the mask to the CPU.
  /// @throws the exceptions of check
  mask::bitmask to_host(const on_stream& on) const {
    mask::bitmask keep(rows_, cols_, false);
    if (size() != 0) on.copy(keep.row(0).data(), words(), word_bytes());
    check(on);
    return keep;
  }

 private:
  static constexpr std::size_t words_of(std::size_t cols) noexcept {
    return (cols + mask::word_bits - 1) / mask::word_bits;
  }
  std::size_t word_bytes() const noexcept { return rows_ * words_per_row() * sizeof(mask::word); }

  std::size_t rows_ = 0, cols_ = 0;
  buffer memory_;
};

}  // namespace tamp::inline TAMP_FLAGS::cuda
