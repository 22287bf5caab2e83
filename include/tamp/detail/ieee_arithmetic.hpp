#pragma once

/// @file
/// IEEE 754 arithmetic, whatever floating-point environment the host has set.

#include <cstdint>

#include "../config.hpp"
#if !defined(__x86_64__) && !defined(__aarch64__)
#  include <cfenv>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// A guard that gives its thread IEEE 754 arithmetic for the guard's lifetime: rounding to nearest,
/// subnormal numbers, and no traps on floating-point exceptions. Its destructor restores the host's
/// environment, also during stack unwinding.
///
/// A program linked with -ffast-math, or a host that requests it, treats subnormal numbers as
/// zeros. Different scores would then be equal, and counts wrong. In the default environment the
/// guard costs one instruction.
class ieee_arithmetic {
 public:
  ieee_arithmetic(const ieee_arithmetic&) = delete;
  ieee_arithmetic& operator=(const ieee_arithmetic&) = delete;

#if defined(__x86_64__) || defined(__aarch64__)
  ieee_arithmetic() noexcept : before_(control()) {
    if ((before_ & ~reported) != usual) set_control(usual);
  }
  ~ieee_arithmetic() {
    if ((before_ & ~reported) != usual) set_control(before_);
  }
#else
  ieee_arithmetic() noexcept {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~ieee_arithmetic() { std::fesetenv(&before_); }
#endif

 private:
  // The clobber "memory" keeps the compiler from moving loads and stores across the change.
#if defined(__x86_64__)
  using word = std::uint32_t;
  static constexpr word usual = 0x1f80, reported = 0x3f;  // all exceptions masked; their flags
  static word control() noexcept {
    word bits;
    __asm__ volatile("stmxcsr %0" : "=m"(bits) : : "memory");
    return bits;
  }
  static void set_control(word bits) noexcept {
    __asm__ volatile("ldmxcsr %0" : : "m"(bits) : "memory");
  }
#elif defined(__aarch64__)
  using word = std::uint64_t;
  static constexpr word usual = 0, reported = 0;
  static word control() noexcept {
    word bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits) : : "memory");
    return bits;
  }
  static void set_control(word bits) noexcept {
    __asm__ volatile("msr fpcr, %0" : : "r"(bits) : "memory");
  }
#else
  using word = std::fenv_t;
#endif

  word before_;
};

}  // namespace tamp::inline TAMP_FLAGS::detail
