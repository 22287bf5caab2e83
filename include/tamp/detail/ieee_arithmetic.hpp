#pragma once

/// @file
/// Arithmetic as IEEE 754 has it, whatever the host has told the processor.

#include <cstdint>

#include "../config.hpp"
#if !defined(__x86_64__) && !defined(__aarch64__)
#  include <cfenv>
#endif

namespace tamp::inline TAMP_FLAGS::detail {

/// For as long as it lives, the thread rounds to nearest, computes with subnormal numbers, and is
/// not interrupted by overflow or the like. Then the host's own environment is back, also if
/// something was thrown.
///
/// A program that was linked with -ffast-math, or a host that asks for it, takes subnormal numbers
/// for zeros. Scores would then be equal that are not, and counts wrong. Where the environment is
/// the usual one, this costs one instruction.
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
  // Numbers in memory are neither read earlier nor written later: "memory".
#if defined(__x86_64__)
  using word = std::uint32_t;
  static constexpr word usual = 0x1f80, reported = 0x3f;  // exceptions masked; those that occurred
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
