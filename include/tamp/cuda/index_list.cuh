#pragma once

/// @file
/// Tokens or channels that a GPU has chosen.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "detail/status.cuh"
#include "on.cuh"
#include "workspace.cuh"

namespace tamp::inline TAMP_FLAGS::detail {

/// The state of a list, on the device.
struct list_status {
  wide place;     ///< of the first number that cannot be used, or nowhere
  double value;   ///< that number
  unsigned size;  ///< of the list
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::cuda {

/// Indices in the memory of the GPU: the tokens that stay, or the channels that are computed.
///
/// If a number that decides about them cannot be used, the list is empty, and `to_host`, which
/// waits, throws the exception that the CPU's policy throws. Movable, not copyable. The memory is
/// freed in the order of the stream on which the list was made.
class index_list {
 public:
  /// A function that throws for the number that cannot be used, given its place and value.
  using refusal = std::function<void(std::size_t place, double value)>;

  index_list() = default;
  /// Allocates a list of at most `capacity` indices that are not written yet.
  index_list(const on_stream& on, std::size_t capacity, refusal refuse)
      : capacity_(capacity), memory_(on, bytes_of(capacity)), refuse_(std::move(refuse)) {
    // The place is nowhere.
    on.fill(memory_.data(), 0xff, allocation_step);
  }

  /// The number of indices for which there is room. For most policies, whose number is known
  /// beforehand, it is the size.
  std::size_t capacity() const noexcept { return capacity_; }
  /// The indices, of which the first `*device_size()` are valid.
  const std::uint32_t* data() const noexcept { return memory_.as<std::uint32_t>(allocation_step); }
  std::uint32_t* data() noexcept { return memory_.as<std::uint32_t>(allocation_step); }
  /// The number of indices, in the memory of the GPU.
  const unsigned* device_size() const noexcept {
    return &memory_.as<tamp::detail::list_status>()->size;
  }
  /// The note of the kernels.
  tamp::detail::list_status* status() const noexcept {
    return memory_.as<tamp::detail::list_status>();
  }

  /// The number of bytes that a list of this capacity allocates.
  /// @throws shape_error if no memory can hold it
  static constexpr std::size_t bytes_of(std::size_t capacity) {
    tamp::detail::check_array("index_list", capacity, sizeof(std::uint32_t));
    return allocation_step + capacity * sizeof(std::uint32_t);
  }

  /// WAITS for the stream, and copies the list to the CPU.
  /// @throws value_error if a number could not be used, naming it
  std::vector<std::size_t> to_host(const on_stream& on) const {
    if (memory_.data() == nullptr) return {};
    tamp::detail::list_status found{};
    std::vector<std::uint32_t> indices(capacity_);
    on.copy(&found, status(), sizeof found);
    on.copy(indices.data(), data(), indices.size() * sizeof(std::uint32_t));
    on.wait();
    if (found.place != tamp::detail::nowhere)
      refuse_(static_cast<std::size_t>(found.place), found.value);
    return {indices.begin(), indices.begin() + found.size};
  }

 private:
  std::size_t capacity_ = 0;
  buffer memory_;
  refusal refuse_;
};

}  // namespace tamp::inline TAMP_FLAGS::cuda
