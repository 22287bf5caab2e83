#pragma once

/// @file
/// Which of the processor's instructions the inner loops use.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "../error.hpp"

namespace tamp::execute {

/// What the inner loops are compiled for, each in its own version: whatever a program may be run
/// on, vectors of 32 bytes, or of 64. A program has them all, with no flag for the compiler; which
/// one runs is decided while it runs.
///
/// Masks, selections and statistics are the same on each. Only products of activations, and what is
/// computed from them (AMIA, DAS, SparseGPT, hollow attention), are rounded once less where
/// multiplication and addition are one instruction, as in avx2 and avx512; products of floats in
/// double, as stat::gram sums them, are exact and the same everywhere.
enum class instructions { portable, avx2, avx512 };

/// What a program has once, whatever flags its units are compiled with.
namespace program {

/// What use_instructions or the environment chose; -1: nobody has asked yet.
inline constinit std::atomic<int> chosen_instructions = -1;

}  // namespace program
}  // namespace tamp::execute

namespace tamp::execute::inline TAMP_FLAGS {

constexpr std::string_view label(instructions set) noexcept {
  constexpr std::array<std::string_view, 3> names{"portable", "avx2", "avx512"};
  return names[static_cast<std::size_t>(set)];
}

/// The most that this processor has, of what this compiler can use.
inline instructions best_instructions() noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
                        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_avx2) return has_avx512 ? instructions::avx512 : instructions::avx2;
#endif
  return instructions::portable;
}

}  // namespace tamp::execute::inline TAMP_FLAGS

namespace tamp::inline TAMP_FLAGS::detail {

inline void check_instructions(std::string_view who, execute::instructions wanted) {
  if (wanted > execute::best_instructions())
    raise<value_error>(who, " asks for ", execute::label(wanted), ", this processor has ",
                       execute::label(execute::best_instructions()));
}

/// What TAMP_INSTRUCTIONS says, or the best there is.
inline execute::instructions instructions_at_start() {
  const char* const text = std::getenv("TAMP_INSTRUCTIONS");
  if (text == nullptr || *text == '\0') return execute::best_instructions();
  using execute::instructions;
  for (const auto set : {instructions::portable, instructions::avx2, instructions::avx512})
    if (text == execute::label(set)) {
      check_instructions("TAMP_INSTRUCTIONS", set);
      return set;
    }
  raise<value_error>("TAMP_INSTRUCTIONS is ", text, "; known are portable, avx2 and avx512");
}

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::execute::inline TAMP_FLAGS {

/// What the inner loops use: at first what the environment variable TAMP_INSTRUCTIONS names
/// (portable, avx2 or avx512), or the best there is.
/// @throws value_error if the variable names something unknown, or more than the processor has
inline instructions current_instructions() {
  int chosen = program::chosen_instructions.load(std::memory_order_relaxed);
  if (chosen < 0) {
    const int first = static_cast<int>(detail::instructions_at_start());
    // Another thread may have chosen meanwhile.
    if (program::chosen_instructions.compare_exchange_strong(chosen, first)) chosen = first;
  }
  return static_cast<instructions>(chosen);
}

/// Changes that for the whole program, for tests and comparisons; calls that are under way may end
/// with the one or the other.
/// @throws value_error if the processor does not have them
inline void use_instructions(instructions wanted) {
  detail::check_instructions("use_instructions", wanted);
  program::chosen_instructions.store(static_cast<int>(wanted), std::memory_order_relaxed);
}

}  // namespace tamp::execute::inline TAMP_FLAGS
