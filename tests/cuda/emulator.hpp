#pragma once

// Runs CUDA kernels on the CPU, for machines without a GPU: include this before anything of CUDA in
// a file for an ordinary C++ compiler. It stands in for the device's built-in names and for those
// functions of the runtime that tamp calls, and needs the toolkit's headers alone.
//
// Every thread of a block is a fiber with a stack of its own; the fibers of a block take turns, and
// the blocks of a grid follow one another. A fiber runs until it has to wait for others: at
// __syncthreads for its block, at a function of its warp for the lanes that are named. From round
// to round the fibers run in the other order, and from launch to launch the blocks, so that what
// misses a barrier is likely to go wrong; shared memory starts with rubbish. If nobody can go on,
// some threads have taken another way than those that wait for them: that is a divergence, which
// throws. The work of a stream is done when it is put there.

#if defined(__CUDACC__)
#  error "nvcc has a GPU in mind: do not include the emulator"
#endif
#define TAMP_CUDA_EMULATED 1

#define __host__
#define __device__
#define __global__
#define __constant__
#define __managed__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#  define EMULATOR_HAS_ASAN 1
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define EMULATOR_HAS_ASAN 1
#  endif
#endif
#if defined(EMULATOR_HAS_ASAN)
#  include <sanitizer/common_interface_defs.h>
#endif

// The place in the grid that a kernel reads.
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace emulator {

/// The properties that a device reports; tests may change them.
inline std::size_t max_shared_memory = 64 * 1024;
inline int multiprocessors = 4;
/// Bytes of device memory in use, and what an allocation may not exceed.
inline std::size_t allocated_bytes = 0, allocations = 0, launches = 0;
/// The error that nobody has asked for yet.
inline cudaError_t last_error = cudaSuccess;

/// Threads of a kernel wait for others that took another way.
class divergence : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// One stack that can be left and returned to.
class fiber {
 public:
  explicit fiber(std::function<void()> body)
      : body_(std::move(body)), stack_(new std::byte[stack_bytes]) {}

  /// Runs the body, or goes on with it, until it calls `leave`.
  void enter() {
#if defined(EMULATOR_HAS_ASAN)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack_.get(), stack_bytes);
#endif
    if (_setjmp(outside_) == 0) {
      if (started_) _longjmp(inside_, 1);
      started_ = true;
      current = this;
      getcontext(&context_);
      context_.uc_stack.ss_sp = stack_.get();
      context_.uc_stack.ss_size = stack_bytes;
      context_.uc_link = nullptr;
      makecontext(&context_, &fiber::begin, 0);
      setcontext(&context_);
    }
#if defined(EMULATOR_HAS_ASAN)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  }

  /// Goes back to whoever entered.
  void leave() {
#if defined(EMULATOR_HAS_ASAN)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, caller_stack_, caller_bytes_);
#endif
    if (_setjmp(inside_) == 0) _longjmp(outside_, 1);
#if defined(EMULATOR_HAS_ASAN)
    __sanitizer_finish_switch_fiber(fake, &caller_stack_, &caller_bytes_);
#endif
  }

 private:
  static constexpr std::size_t stack_bytes = 256 * 1024;
  static inline fiber* current = nullptr;

  static void begin() {
    fiber* const self = current;
#if defined(EMULATOR_HAS_ASAN)
    __sanitizer_finish_switch_fiber(nullptr, &self->caller_stack_, &self->caller_bytes_);
#endif
    self->body_();
    std::abort();  // a body never ends
  }

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  ucontext_t context_{};
  jmp_buf inside_, outside_;
  bool started_ = false;
#if defined(EMULATOR_HAS_ASAN)
  const void* caller_stack_ = nullptr;
  std::size_t caller_bytes_ = 0;
#endif
};

/// The numbers that a lane gives to a function of its warp, and gets.
enum class exchange { ballot, any, shuffle, sync, sum };
struct offer {
  exchange what{};
  unsigned lanes = 0;       // who takes part
  std::uint64_t value = 0;  // what is given, then what is got
  unsigned from = 0;        // whose value a shuffle wants
};

/// The block that is running: its threads, and what they wait for.
class block {
 public:
  static block& current() {
    static block only;
    return only;
  }

  void* shared_memory() { return shared_.get(); }

  void run(dim3 grid, dim3 shape, std::size_t shared_bytes, const std::function<void()>& kernel) {
    if (shared_bytes > max_shared_memory)
      throw std::logic_error("a kernel asks for " + std::to_string(shared_bytes) +
                             " bytes of shared memory, the device has " +
                             std::to_string(max_shared_memory));
    const unsigned threads = shape.x * shape.y * shape.z;
    if (threads == 0 || threads > 1024)
      throw std::logic_error("a block of " + std::to_string(threads) + " threads");
    kernel_ = &kernel;
    gridDim = grid;
    blockDim = shape;
    shared_.reset(new std::byte[shared_bytes]);
    const std::size_t blocks = std::size_t{grid.x} * grid.y * grid.z;
    const bool backwards = launches++ % 2 != 0;
    for (std::size_t k = 0; k < blocks; ++k) {
      const std::size_t b = backwards ? blocks - 1 - k : k;
      blockIdx = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                  static_cast<unsigned>(b / grid.x / grid.y)};
      if (shared_bytes != 0) std::memset(shared_.get(), 0xcd, shared_bytes);
      run_block(threads);
    }
    shared_.reset();
  }

  void wait_for_block() {
    threads_[running_].state = state::at_barrier;
    threads_[running_].stack->leave();
  }
  std::uint64_t wait_for_warp(const offer& mine) {
    thread& self = threads_[running_];
    self.state = state::in_warp;
    self.given = mine;
    self.stack->leave();
    return self.given.value;
  }

 private:
  enum class state { ready, at_barrier, in_warp, done };
  struct thread {
    std::unique_ptr<fiber> stack;
    enum state state = state::ready;
    offer given;
  };

  void run_block(unsigned count) {
    while (threads_.size() < count) {
      threads_.emplace_back().stack = std::make_unique<fiber>([this] {
        for (;;) {
          (*kernel_)();
          threads_[running_].state = state::done;
          threads_[running_].stack->leave();
        }
      });
    }
    count_ = count;
    for (unsigned t = 0; t < count; ++t) threads_[t].state = state::ready;
    for (bool backwards = false;; backwards = !backwards) {
      bool progress = false;
      for (unsigned k = 0; k < count; ++k) {
        const unsigned t = backwards ? count - 1 - k : k;
        if (threads_[t].state != state::ready) continue;
        progress = true;
        running_ = t;
        threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        threads_[t].stack->enter();
      }
      for (unsigned first = 0; first < count; first += 32) release_warp(first);
      if (count_of(state::done) == count) return;
      if (count_of(state::at_barrier) == count) {
        for (unsigned t = 0; t < count; ++t) threads_[t].state = state::ready;
      } else if (!progress && count_of(state::ready) == 0) {
        report_divergence();
      }
    }
  }

  unsigned count_of(state wanted) const {
    unsigned n = 0;
    for (unsigned t = 0; t < count_; ++t) n += threads_[t].state == wanted;
    return n;
  }

  // Lets lanes go on whose partners have all arrived at the same function.
  void release_warp(unsigned first) {
    const unsigned lanes = (std::min)(32u, count_ - first);
    for (unsigned l = 0; l < lanes; ++l) {
      if (threads_[first + l].state != state::in_warp) continue;
      const offer leader = threads_[first + l].given;
      bool complete = (leader.lanes >> l & 1u) != 0;
      unsigned ballot = 0;
      std::uint64_t values[32] = {}, sum = 0;
      for (unsigned k = 0; k < 32; ++k) {
        if ((leader.lanes >> k & 1u) == 0) continue;
        if (k >= lanes) {
          complete = false;
          break;
        }
        const thread& other = threads_[first + k];
        if (other.state != state::in_warp || other.given.lanes != leader.lanes ||
            other.given.what != leader.what) {
          complete = false;
          break;
        }
        values[k] = other.given.value;
        sum += values[k];
        ballot |= static_cast<unsigned>(values[k] != 0) << k;
      }
      if (!complete) continue;
      for (unsigned k = 0; k < lanes; ++k) {
        if ((leader.lanes >> k & 1u) == 0) continue;
        thread& other = threads_[first + k];
        if (leader.what == exchange::ballot) other.given.value = ballot;
        if (leader.what == exchange::any) other.given.value = ballot != 0;
        if (leader.what == exchange::sum) other.given.value = sum;
        if (leader.what == exchange::shuffle) other.given.value = values[other.given.from % 32];
        other.state = state::ready;
      }
    }
  }

  [[noreturn]] void report_divergence() {
    std::string text = "the threads of block " + std::to_string(blockIdx.x) + " went apart: ";
    text += std::to_string(count_of(state::at_barrier)) + " of " + std::to_string(count_);
    text += " wait at a barrier, " + std::to_string(count_of(state::in_warp));
    text +=
        " for other lanes of their warp, " + std::to_string(count_of(state::done)) + " are done";
    threads_.clear();  // the stacks of those who wait are lost
    throw divergence(text);
  }

  std::vector<thread> threads_;
  std::unique_ptr<std::byte[]> shared_;
  const std::function<void()>* kernel_ = nullptr;
  unsigned running_ = 0, count_ = 0;
};

inline void run(dim3 grid, dim3 shape, std::size_t shared_bytes, cudaStream_t,
                const std::function<void()>& kernel) {
  block::current().run(grid, shape, shared_bytes, kernel);
}
inline void* shared_memory() { return block::current().shared_memory(); }

template <class T>
std::uint64_t as_bits(T value) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T shuffle(unsigned lanes, T value, unsigned from) {
  return from_bits<T>(
      block::current().wait_for_warp({exchange::shuffle, lanes, as_bits(value), from}));
}
inline unsigned lane() {
  return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32;
}

}  // namespace emulator

// Barriers and functions of a warp.
inline void __syncthreads() { emulator::block::current().wait_for_block(); }
inline void __syncwarp(unsigned lanes = 0xffffffffu) {
  emulator::block::current().wait_for_warp({emulator::exchange::sync, lanes, 0, 0});
}
inline unsigned __ballot_sync(unsigned lanes, int predicate) {
  return static_cast<unsigned>(emulator::block::current().wait_for_warp(
      {emulator::exchange::ballot, lanes, std::uint64_t{predicate != 0}, 0}));
}
inline int __any_sync(unsigned lanes, int predicate) {
  return static_cast<int>(emulator::block::current().wait_for_warp(
      {emulator::exchange::any, lanes, std::uint64_t{predicate != 0}, 0}));
}
inline unsigned __reduce_add_sync(unsigned lanes, unsigned value) {
  return static_cast<unsigned>(
      emulator::block::current().wait_for_warp({emulator::exchange::sum, lanes, value, 0}));
}
template <class T>
T __shfl_sync(unsigned lanes, T value, int from, int width = 32) {
  const auto start = emulator::lane() / static_cast<unsigned>(width) * static_cast<unsigned>(width);
  return emulator::shuffle(lanes, value,
                           start + static_cast<unsigned>(from) % static_cast<unsigned>(width));
}
template <class T>
T __shfl_up_sync(unsigned lanes, T value, unsigned distance, int width = 32) {
  const unsigned lane = emulator::lane(), within = lane % static_cast<unsigned>(width);
  return emulator::shuffle(lanes, value, within >= distance ? lane - distance : lane);
}
template <class T>
T __shfl_down_sync(unsigned lanes, T value, unsigned distance, int width = 32) {
  const unsigned lane = emulator::lane(), within = lane % static_cast<unsigned>(width);
  return emulator::shuffle(
      lanes, value, within + distance < static_cast<unsigned>(width) ? lane + distance : lane);
}
template <class T>
T __shfl_xor_sync(unsigned lanes, T value, int distance, int = 32) {
  return emulator::shuffle(lanes, value, emulator::lane() ^ static_cast<unsigned>(distance));
}

// Atomic functions: the fibers never interrupt one another.
template <class T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = old + value;
  return old;
}
template <class T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = (std::min)(old, value);
  return old;
}
template <class T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = (std::max)(old, value);
  return old;
}
template <class T>
T atomicOr(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = old | value;
  return old;
}
template <class T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = value;
  return old;
}
inline void __threadfence() {}

// Arithmetic.
inline double __dadd_rn(double a, double b) { return a + b; }

// Bits.
inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __popcll(unsigned long long bits) { return std::popcount(bits); }
inline int __clz(int bits) { return std::countl_zero(static_cast<unsigned>(bits)); }
inline int __clzll(long long bits) {
  return std::countl_zero(static_cast<unsigned long long>(bits));
}
inline int __ffs(int bits) {
  return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}

// The runtime.
extern "C" {
inline cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) {
  if (bytes > (std::size_t{1} << 40)) return emulator::last_error = cudaErrorMemoryAllocation;
  // Allocated memory starts with rubbish, and ends exactly where it should, for sanitizers; its
  // size lies in front of it.
  auto* const start = static_cast<std::byte*>(::operator new(256 + bytes, std::align_val_t{256}));
  std::memset(start, 0xcd, 256 + bytes);
  std::memcpy(start, &bytes, sizeof bytes);
  *memory = start + 256;
  emulator::allocated_bytes += bytes;
  ++emulator::allocations;
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  if (memory == nullptr) return cudaSuccess;
  std::byte* const start = static_cast<std::byte*>(memory) - 256;
  std::size_t bytes = 0;
  std::memcpy(&bytes, start, sizeof bytes);
  emulator::allocated_bytes -= bytes;
  ::operator delete(start, std::align_val_t{256});
  return cudaSuccess;
}
inline cudaError_t cudaMalloc(void** memory, size_t bytes) {
  return cudaMallocAsync(memory, bytes, nullptr);
}
inline cudaError_t cudaFree(void* memory) { return cudaFreeAsync(memory, nullptr); }
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
  if (bytes != 0) std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  if (bytes != 0) std::memset(to, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return std::exchange(emulator::last_error, cudaSuccess); }
inline const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "out of memory" : "an error of the emulator";
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMultiProcessorCount
               ? emulator::multiprocessors
               : static_cast<int>(emulator::max_shared_memory);
  return cudaSuccess;
}
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }
}

// As <cuda_runtime.h> has them for pointers to any type.
template <class T>
cudaError_t cudaMallocAsync(T** memory, size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(reinterpret_cast<void**>(memory), bytes, stream);
}
template <class T>
cudaError_t cudaMalloc(T** memory, size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(memory), bytes);
}
