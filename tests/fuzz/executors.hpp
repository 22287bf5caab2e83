#pragma once

// The executor of the loops, and its instructions: one type for all, so that the library is
// instantiated once.

#include <cstddef>
#include <functional>
#include <tamp/execute/instructions.hpp>

#include "fuzz.hpp"

namespace fuzz {

/// Cuts loops into ranges of some length, the last first, with empty ones in between.
struct any_executor {
  std::size_t length = 1;

  static any_executor of(source& in) {
    constexpr std::size_t lengths[] = {1, 2, 3, 7, 64, 1000};
    return {in.of(lengths)};
  }

  void for_each_range(std::size_t count,
                      const std::function<void(std::size_t, std::size_t)>& body) const {
    for (std::size_t piece = (count + length - 1) / length; piece-- > 0;) {
      const std::size_t begin = piece * length;
      body(begin, begin + length < count ? begin + length : count);
      body(begin, begin);
    }
  }
};

/// Calls use(executor) with every set of instructions that this processor has.
template <class Use>
void with_every_instructions(source& in, Use&& use) {
  using tamp::execute::instructions;
  for (const auto set : {instructions::portable, instructions::avx2, instructions::avx512}) {
    if (set > tamp::execute::best_instructions()) continue;
    tamp::execute::use_instructions(set);
    use(any_executor::of(in));
  }
}

}  // namespace fuzz
