#pragma once

/// @file
/// Memory for many numbers that will all be written before they are read.

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

/// Room for `size` numbers, with no value yet. Throws shape_error if memory does not have it.
///
/// Where it is large, Linux is asked for pages of 2 MB. It clears each page when it is first
/// written, and doing that for pages of 4 KB costs a tenth of the time of what is calculated here.
template <class Number>
class large_array {
  static_assert(std::is_trivial_v<Number>);

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
    // Only a wish: nothing is lost where it is not granted.
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
