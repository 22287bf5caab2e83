#pragma once

/// @file
/// The choice of the instruction set of the inner loops.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "../error.hpp"

namespace tamp::execute {

/// The instruction sets of the inner loops: those of any processor, with vectors of 16 bytes
/// (portable), AVX2 with vectors of 32 bytes, and AVX-512 with vectors of 64 bytes. A program
/// contains the loops for all of them, without any compiler flag, and chooses while it runs.
///
/// Masks, selections and statistics are the same with each. The exception is products of
/// activations and results computed from them (AMIA, DAS, SparseGPT, hollow attention). With avx2
/// and avx512 these are rounded once less, since multiplication and addition are one instruction.
/// Products of floats in double, as stat::gram sums them, are exact and the same everywhere.
enum class instructions { portable, avx2, avx512 };

/// Variables that exist once in a program, whatever flags its units are compiled with.
namespace program {

/// The set chosen by use_instructions or the environment; -1 before the first query.
inline constinit std::atomic<int> chosen_instructions = -1;

}  // namespace program
}  // namespace tamp::execute

namespace tamp::execute::inline TAMP_FLAGS {

constexpr std::string_view label(instructions set) noexcept {
  constexpr std::array<std::string_view, 3> names{"portable", "avx2", "avx512"};
  return names[static_cast<std::size_t>(set)];
}

/// Returns the largest set that both this processor and this compiler support.
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

/// Returns the set that TAMP_INSTRUCTIONS names, or the best one if it names none.
/// @throws value_error if it names an unknown set, or one that the processor does not support
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

/// Returns the set that the inner loops use. Until use_instructions chooses one, that is the set
/// named by the environment variable TAMP_INSTRUCTIONS (portable, avx2 or avx512), or the best one.
/// @throws value_error if the variable names an unknown set, or one that the processor does not
///         support
inline instructions current_instructions() {
  int chosen = program::chosen_instructions.load(std::memory_order_relaxed);
  if (chosen < 0) {
    const int first = static_cast<int>(detail::instructions_at_start());
    // Another thread may have chosen meanwhile.
    if (program::chosen_instructions.compare_exchange_strong(chosen, first)) chosen = first;
  }
  return static_cast<instructions>(chosen);
}

/// Chooses the set for the whole program, for tests and comparisons. Calls in progress may finish
/// with either set.
/// @throws value_error if the processor does not support it
inline void use_instructions(instructions wanted) {
  detail::check_instructions("use_instructions", wanted);
  program::chosen_instructions.store(static_cast<int>(wanted), std::memory_order_relaxed);
}

}  // namespace tamp::execute::inline TAMP_FLAGS
