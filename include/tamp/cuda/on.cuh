#pragma once

/// @file
/// The place of GPU work: a stream, and the source of its memory.

#include <cuda_runtime_api.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "../execute/place.hpp"
#include "../tensor/view.hpp"

namespace tamp::inline TAMP_FLAGS {

// The operations that have a form for the GPU.
struct select_operation;
struct apply_operation;
template <class Statistic>
struct observe_operation;
namespace compute {
struct channels_operation;
struct channels_of_probe_operation;
}  // namespace compute
namespace stat {
struct select_tokens_operation;
}  // namespace stat
namespace token {
struct select_operation;
}  // namespace token

/// An error of the CUDA runtime: no memory, no device, a kernel that failed.
class device_error : public error {
 public:
  using error::error;
};

namespace detail {

/// Clears an error of the runtime that has been handled. The runtime would otherwise report it to
/// the next caller of cudaGetLastError, as hosts call after a kernel of theirs.
inline void forget_refusal() noexcept { static_cast<void>(cudaGetLastError()); }

/// Turns a status of the runtime into an exception: "select: out of memory".
inline void check_cuda(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) return;
  forget_refusal();
  raise<device_error>(what, ": ", cudaGetErrorString(status));
}

}  // namespace detail

namespace cuda {

/// A source of GPU memory in the order of a stream. Deallocated memory may be handed out again to
/// later work on the same stream. Pointers must be aligned to 256 bytes. `deallocate` must be
/// noexcept, since destructors call it.
template <class R>
concept memory_resource =
    requires(R& resource, std::size_t bytes, void* memory, cudaStream_t stream) {
      { resource.allocate(bytes, stream) } -> std::same_as<void*>;
      { resource.deallocate(memory, bytes, stream) } noexcept;
    };

/// A stream, and the source of memory for the work on it. Made by tamp::on. A small value.
class on_stream {
 public:
  explicit on_stream(cudaStream_t stream) noexcept : stream_(stream) {}

  /// Makes a stream whose work is only measured: `resource` counts its memory, and nothing else
  /// happens. See cuda::bytes_needed.
  template <memory_resource Resource>
  static on_stream measured_by(std::shared_ptr<Resource> resource) noexcept {
    on_stream measured(nullptr, *resource);
    measured.measure_ = std::move(resource);
    return measured;
  }

  template <memory_resource Resource>
  on_stream(cudaStream_t stream, Resource& resource) noexcept
      : stream_(stream),
        resource_(&resource),
        allocate_([](void* r, std::size_t bytes, cudaStream_t s) {
          return static_cast<Resource*>(r)->allocate(bytes, s);
        }),
        deallocate_([](void* r, void* memory, std::size_t bytes, cudaStream_t s) {
          static_cast<Resource*>(r)->deallocate(memory, bytes, s);
        }) {}

  cudaStream_t stream() const noexcept { return stream_; }
  bool is_measured() const noexcept { return measure_ != nullptr; }

  /// @throws device_error if there is no memory
  void* allocate(std::size_t bytes) const {
    if (allocate_ != nullptr) return allocate_(resource_, bytes, stream_);
    void* memory = nullptr;
    const auto status = cudaMallocAsync(&memory, bytes, stream_);
    if (status == cudaSuccess) return memory;
    tamp::detail::forget_refusal();
    tamp::detail::raise<device_error>(
        "cuda: ", bytes, " bytes could not be allocated: ", cudaGetErrorString(status));
  }
  void deallocate(void* memory, std::size_t bytes) const noexcept {
    if (deallocate_ != nullptr)
      deallocate_(resource_, memory, bytes, stream_);
    else if (cudaFreeAsync(memory, stream_) != cudaSuccess)
      tamp::detail::forget_refusal();  // cannot be handled here
  }

  /// Puts an operation onto the stream that sets all bytes.
  /// @throws device_error if CUDA refuses
  void fill(void* memory, unsigned char byte, std::size_t bytes) const {
    if (bytes != 0 && !is_measured())
      tamp::detail::check_cuda(cudaMemsetAsync(memory, byte, bytes, stream_), "cuda: fill");
  }
  /// Puts a copy from one memory to another, or within one, onto the stream.
  /// @throws device_error if CUDA refuses
  void copy(void* to, const void* from, std::size_t bytes) const {
    if (bytes != 0 && !is_measured())
      tamp::detail::check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_),
                               "cuda: copy");
  }

  /// Waits until all work on the stream is done.
  /// @throws device_error if some of it failed, or if the work is only measured
  void wait() const {
    if (is_measured())
      tamp::detail::raise<device_error>(
          "cuda::bytes_needed: nothing can wait for work that is only measured (check, to_host)");
    tamp::detail::check_cuda(cudaStreamSynchronize(stream_), "cuda");
  }

 private:
  cudaStream_t stream_;
  void* resource_ = nullptr;
  void* (*allocate_)(void*, std::size_t, cudaStream_t) = nullptr;
  void (*deallocate_)(void*, void*, std::size_t, cudaStream_t) = nullptr;
  std::shared_ptr<void> measure_;  // outlives the memory that was taken from it
};

/// Owns memory of the GPU, and frees it on its stream on destruction. Kernels that were put onto
/// the same stream before may use it until they are done.
class buffer {
 public:
  buffer() = default;
  buffer(const on_stream& on, std::size_t bytes)
      : on_(on), bytes_(bytes), data_(bytes == 0 ? nullptr : on.allocate(bytes)) {}
  buffer(buffer&& other) noexcept
      : on_(other.on_),
        bytes_(std::exchange(other.bytes_, 0)),
        data_(std::exchange(other.data_, nullptr)) {}
  buffer& operator=(buffer other) noexcept {
    std::swap(on_, other.on_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~buffer() {
    if (data_ != nullptr) on_.deallocate(data_, bytes_);
  }

  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  template <class T>
  T* as(std::size_t offset = 0) const noexcept {
    return reinterpret_cast<T*>(static_cast<std::byte*>(data_) + offset);
  }

 private:
  on_stream on_{nullptr};
  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

/// Views a device pointer as a row-major matrix.
/// @throws shape_error if no memory can hold so many elements
template <class T>
constexpr matrix_view<T, cuda_space> view(T* data, std::size_t rows, std::size_t cols) {
  return {data, rows, cols};
}

}  // namespace cuda

namespace detail {

/// Allocates memory for rows x cols numbers.
/// @throws shape_error if no memory can hold them
/// @throws device_error if there is not enough memory
template <class Number>
cuda::buffer device_array(const cuda::on_stream& on, std::string_view who, std::size_t rows,
                          std::size_t cols = 1) {
  return {on, checked_matrix(who, rows, cols, sizeof(Number)) * sizeof(Number)};
}

}  // namespace detail

/// The place of GPU work, as the first argument of every operation on device tensors:
///
///     const auto keep = tamp::select(tamp::on(stream), W, norms, recipe);
///
/// Calls are asynchronous: they only put work onto the stream, unless their documentation says that
/// they wait. Masks and scratch memory are allocated in the stream's order
/// (cudaMallocAsync, cudaFreeAsync).
inline cuda::on_stream on(cudaStream_t stream) { return cuda::on_stream(stream); }

/// The place of GPU work with all memory from `resource`, such as a cuda::workspace. Nothing else
/// is allocated. `resource` must outlive everything that is made with it.
template <cuda::memory_resource Resource>
cuda::on_stream on(cudaStream_t stream, Resource& resource) {
  return {stream, resource};
}

template <>
inline constexpr bool is_device<cuda::on_stream> = true;

namespace cuda {

/// A stream after a conversion: every overload that takes on_stream itself fits better.
struct any_stream {
  any_stream(const on_stream&) noexcept {}
};

// Chosen if the operation's own header is missing. Operations find the overloads through the
// namespace of on_stream.
template <class... Arguments>
void run_on(any_stream, const select_operation&, const Arguments&...) {
  static_assert(sizeof...(Arguments) > 99,
                "this is no select(tamp::on(stream), weight, statistics, recipe) for a strided "
                "tensor of the GPU, or <tamp/cuda/select.cuh> is not included");
}
template <class... Arguments>
void run_on(any_stream, const apply_operation&, const Arguments&...) {
  static_assert(sizeof...(Arguments) > 99,
                "this is no apply(tamp::on(stream), weight, keep) for a strided tensor of the GPU, "
                "or <tamp/cuda/apply.cuh> is not included");
}
template <class Statistic, class... Arguments>
void run_on(any_stream, const observe_operation<Statistic>&, const Arguments&...) {
  static_assert(
      sizeof...(Arguments) > 99,
      "this is no observe<Statistic>(tamp::on(stream), activations) for a strided tensor "
      "of the GPU, or the statistic's header, such as <tamp/cuda/column_norm.cuh>, is not "
      "included");
}
template <class... Arguments>
void run_on(any_stream, const compute::channels_operation&, const Arguments&...) {
  static_assert(sizeof...(Arguments) > 99,
                "this is no compute::channels(tamp::on(stream), hidden, policy) for a strided "
                "tensor of the GPU, or <tamp/cuda/dynamic_ffn.cuh> is not included");
}

}  // namespace cuda

}  // namespace tamp::inline TAMP_FLAGS
