#pragma once

/// @file
/// Memory of the user's own for the work of a GPU.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>

#include "on.cuh"

namespace tamp::cuda {

/// Bytes are handed out in multiples of this, and so aligned.
inline constexpr std::size_t allocation_step = 256;

/// `bytes`, rounded up to what a workspace hands out.
constexpr std::size_t allocation_size(std::size_t bytes) noexcept {
  return (bytes + allocation_step - 1) / allocation_step * allocation_step;
}

/// Hands out one piece of the user's device memory, bottom to top, and allocates nothing:
///
///     tamp::cuda::workspace memory(pointer, bytes);
///     const auto keep = tamp::select(tamp::on(stream, memory), W, norms, recipe);
///
/// What was handed out last and is given back is handed out again; the rest comes back once it is
/// on top, as masks do that go in the reverse order of their making, or with `reset`. For one
/// stream at a time. bytes_needed says how large it must be.
class workspace {
 public:
  /// `memory` is aligned to 256 bytes, as cudaMalloc gives it.
  workspace(void* memory, std::size_t bytes) noexcept
      : memory_(static_cast<std::byte*>(memory)), bytes_(bytes) {}

  std::size_t size() const noexcept { return bytes_; }
  std::size_t used() const noexcept { return used_; }
  /// The most that was ever in use.
  std::size_t most_used() const noexcept { return most_used_; }
  /// Takes everything back. What was handed out must not be used any more.
  void reset() noexcept { used_ = 0; }

  /// @throws device_error if too little is left
  void* allocate(std::size_t bytes, cudaStream_t) {
    const std::size_t size = allocation_size(bytes);
    if (size > bytes_ - used_)
      tamp::detail::raise<device_error>("cuda::workspace: ", size, " bytes are needed, and ",
                                        bytes_ - used_, " of ", bytes_, " are left");
    void* const memory = memory_ + used_;
    used_ += size;
    most_used_ = (std::max)(most_used_, used_);
    return memory;
  }
  void deallocate(void* memory, std::size_t bytes, cudaStream_t) noexcept {
    const auto begin = static_cast<std::size_t>(static_cast<std::byte*>(memory) - memory_);
    if (begin + allocation_size(bytes) == used_) used_ = begin;
  }

 private:
  std::byte* memory_;
  std::size_t bytes_, used_ = 0, most_used_ = 0;
};

/// How large a workspace must be for some calls, whose work is not done meanwhile:
///
///     const std::size_t bytes = tamp::cuda::bytes_needed([&](const tamp::cuda::on_stream& on) {
///       const auto norms = tamp::observe<tamp::stat::column_norm>(on, X);
///       const auto keep = tamp::select(on, W, norms, recipe);
///       tamp::apply(on, keep, W);
///     });
///
/// The most that the calls hold at one time. Shapes and types decide, and for some kernels how the
/// device is built: the tensors are not looked at, and may be of no memory yet. What the calls
/// change must be made among them; an accumulator from outside would count batches that it has not
/// seen. cuBLAS is not called, and its own workspace not counted.
///
/// @throws what the calls throw of shapes and parameters
/// @throws device_error if a call waits, as check and to_host do
template <std::invocable<const on_stream&> Calls>
std::size_t bytes_needed(Calls&& calls) {
  // Addresses that nobody follows.
  workspace ledger(reinterpret_cast<void*>(allocation_step),
                   (std::numeric_limits<std::size_t>::max)() / 4);
  calls(on_stream::measured_by(ledger));
  return ledger.most_used();
}

}  // namespace tamp::cuda
