#pragma once

/// @file
/// Uninitialised memory for many numbers. Write every number before reading it.

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

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
    const std::size_t bytes = size * sizeof(Number), alignment = bytes < 4 * page ? line : page;
    memory_ = with_memory("memory", [&] {
      return std::unique_ptr<Number, release>(
          static_cast<Number*>(::operator new(bytes, std::align_val_t{alignment})),
          release{std::align_val_t{alignment}});
    });
#if TAMP_HAS_MADVISE
    // A hint, which costs nothing if it is not granted.
    if (alignment == page) ::madvise(memory_.get(), bytes / page * page, MADV_HUGEPAGE);
#endif
  }

  Number* data() const noexcept { return memory_.get(); }

 private:
  static constexpr std::size_t page = std::size_t{1} << 21, line = 64;
  struct release {
    std::align_val_t alignment{line};
    void operator()(Number* numbers) const noexcept { ::operator delete(numbers, alignment); }
  };

  std::unique_ptr<Number, release> memory_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
