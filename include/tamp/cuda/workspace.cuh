#pragma once

/// @file
/// Memory of the user for the work of a GPU.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include "../detail/checked.hpp"
#include "on.cuh"

namespace tamp::inline TAMP_FLAGS::cuda {

/// The granularity of allocations in bytes, and thereby their alignment.
inline constexpr std::size_t allocation_step = 256;

/// Rounds `bytes` up to the size of an allocation.
/// @throws shape_error if the result overflows
constexpr std::size_t allocation_size(std::size_t bytes) {
  return tamp::detail::checked_sum("cuda", bytes, allocation_step - 1) / allocation_step *
         allocation_step;
}

/// Hands out the user's own device memory, and allocates nothing:
///
///     tamp::cuda::workspace memory(pointer, bytes);
///     const auto keep = tamp::select(tamp::on(stream, memory), W, norms, recipe);
///
/// Each allocation is the lowest free piece that is long enough, so that the same calls always get
/// the same memory. Use it on one stream at a time, since freed memory is handed out again at once.
/// bytes_needed returns the size that it must have.
class workspace {
 public:
  /// `memory` must be aligned to 256 bytes, as by cudaMalloc.
  /// @throws shape_error if it has bytes but lies at a null pointer
  workspace(void* memory, std::size_t bytes)
      : memory_(static_cast<std::byte*>(memory)), bytes_(bytes) {
    if (memory == nullptr && bytes != 0)
      tamp::detail::raise<shape_error>("cuda::workspace: ", bytes, " bytes lie at a null pointer");
  }
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;

  std::size_t size() const noexcept { return bytes_; }
  /// The number of bytes that are in use.
  std::size_t used() const noexcept {
    std::size_t sum = 0;
    for (const piece& p : pieces_) sum += p.end - p.begin;
    return sum;
  }
  /// The size that would have sufficed so far.
  std::size_t most_used() const noexcept { return most_used_; }

  /// @throws device_error if no piece of this length is left
  void* allocate(std::size_t bytes, cudaStream_t) {
    const std::size_t size = allocation_size(bytes);
    std::size_t begin = 0;
    auto after = pieces_.begin();
    for (; after != pieces_.end() && after->begin - begin < size; ++after) begin = after->end;
    if (size > bytes_ - begin)
      tamp::detail::raise<device_error>("cuda::workspace: ", size,
                                        " bytes in one piece are needed, and ", used(), " of ",
                                        bytes_, " are in use");
    pieces_.insert(after, {begin, begin + size});
    most_used_ = (std::max)(most_used_, begin + size);
    return memory_ + begin;
  }
  void deallocate(void* memory, std::size_t, cudaStream_t) noexcept {
    const auto begin = static_cast<std::size_t>(static_cast<std::byte*>(memory) - memory_);
    std::erase_if(pieces_, [&](const piece& p) { return p.begin == begin; });
  }

 private:
  struct piece {
    std::size_t begin, end;
  };

  std::byte* memory_;
  std::size_t bytes_, most_used_ = 0;
  std::vector<piece> pieces_;  // in use, from bottom to top
};

/// Returns the size that a workspace must have for some calls, whose work is not done:
///
///     const std::size_t bytes = tamp::cuda::bytes_needed([&](const tamp::cuda::on_stream& on) {
///       const auto norms = tamp::observe<tamp::stat::column_norm>(on, X);
///       const auto keep = tamp::select(on, W, norms, recipe);
///       tamp::apply(on, W, keep);
///     });
///
/// The size depends on shapes and types, and for some kernels on the device. The tensors are not
/// read, and may have no memory yet. Objects that the calls make or modify must be created and
/// destroyed within the calls. cuBLAS is not called, and its own workspace is not counted.
///
/// @throws the exceptions of the calls for shapes and parameters
/// @throws device_error if a call waits, as check and to_host do, or if memory outlives the calls
template <std::invocable<const on_stream&> Calls>
std::size_t bytes_needed(Calls&& calls) {
  // The addresses are never dereferenced.
  const auto ledger = std::make_shared<workspace>(reinterpret_cast<void*>(allocation_step),
                                                  (std::numeric_limits<std::size_t>::max)() / 4);
  calls(on_stream::measured_by(ledger));
  if (ledger->used() != 0)
    tamp::detail::raise<device_error>(
        "cuda::bytes_needed: ", ledger->used(),
        " bytes outlive the calls: what they make, or add to, must be theirs alone");
  return ledger->most_used();
}

}  // namespace tamp::inline TAMP_FLAGS::cuda
