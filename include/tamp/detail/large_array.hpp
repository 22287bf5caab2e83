#pragma once

/// @file
/// Uninitialised memory for many numbers. Write every number before reading it.

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "checked.hpp"

#if defined(__linux__) && __has_include(<sys/mman.h>)
#  include <sys/mman.h>
#  define TAMP_HAS_MADVISE 1
#else
#  define TAMP_HAS_MADVISE 0
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// An owning array of uninitialised numbers. The constructor throws shape_error if memory cannot
/// hold them.
///
/// A large array requests pages of 2 MB from Linux. The kernel clears each page at its first write.
/// With pages of 4 KB, that takes a tenth of the time of the calculations on these arrays.
template <class Number>
class large_array {
  static_assert(std::is_trivially_copyable_v<Number>);

 public:
  large_array() = default;
  explicit large_array(std::size_t size) {
    check_array("memory", size, sizeof(Number));
    const std::size_t bytes = size * sizeof(Number);
    if (bytes >= 4 * page) alignment_ = page;
    numbers_ = static_cast<Number*>(
        with_memory("memory", [&] { return ::operator new(bytes, std::align_val_t{alignment_}); }));
#if TAMP_HAS_MADVISE
    // A hint, which costs nothing if it is not granted.
    if (alignment_ == page) ::madvise(numbers_, bytes / page * page, MADV_HUGEPAGE);
#endif
  }
  large_array(large_array&& other) noexcept
      : numbers_(std::exchange(other.numbers_, nullptr)), alignment_(other.alignment_) {}
  large_array& operator=(large_array&& other) noexcept {
    std::swap(numbers_, other.numbers_);
    std::swap(alignment_, other.alignment_);
    return *this;
  }
  ~large_array() { ::operator delete(numbers_, std::align_val_t{alignment_}); }

  Number* data() const noexcept { return numbers_; }

 private:
  static constexpr std::size_t page = std::size_t{1} << 21, line = 64;

  Number* numbers_ = nullptr;
  std::size_t alignment_ = line;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
