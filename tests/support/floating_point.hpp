#pragma once

// Floating-point environments that hosts choose, for as long as an object lives.

#include <cfenv>
#include <cstdint>

namespace support {

/// Subnormal numbers are taken for zeros, as in a program that is linked with -ffast-math.
class flushed_subnormals {
 public:
  flushed_subnormals() : before_(control()) { set_control(before_ | flush); }
  flushed_subnormals(const flushed_subnormals&) = delete;
  flushed_subnormals& operator=(const flushed_subnormals&) = delete;
  ~flushed_subnormals() { set_control(before_); }

  static bool is_on() { return (control() & flush) == flush; }

 private:
#if defined(__x86_64__)
  static constexpr std::uint64_t flush = 0x8040;  // flush to zero, denormals are zeros
  static std::uint64_t control() {
    std::uint32_t bits;
    __asm__ volatile("stmxcsr %0" : "=m"(bits));
    return bits;
  }
  static void set_control(std::uint64_t wide) {
    const auto bits = static_cast<std::uint32_t>(wide);
    __asm__ volatile("ldmxcsr %0" : : "m"(bits));
  }
#elif defined(__aarch64__)
  static constexpr std::uint64_t flush = 1u << 24;
  static std::uint64_t control() {
    std::uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
  }
  static void set_control(std::uint64_t bits) { __asm__ volatile("msr fpcr, %0" : : "r"(bits)); }
#else
  static constexpr std::uint64_t flush = 0;
  static std::uint64_t control() { return 0; }
  static void set_control(std::uint64_t) {}
#endif

  std::uint64_t before_;
};

/// Numbers are rounded another way: FE_UPWARD, FE_DOWNWARD or FE_TOWARDZERO.
class rounding {
 public:
  explicit rounding(int mode) : before_(std::fegetround()) { std::fesetround(mode); }
  rounding(const rounding&) = delete;
  rounding& operator=(const rounding&) = delete;
  ~rounding() { std::fesetround(before_); }

 private:
  int before_;
};

}  // namespace support
