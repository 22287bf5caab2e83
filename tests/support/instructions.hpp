#pragma once

// Runs a test with every set of instructions that this processor has.

#include <boost/test/unit_test.hpp>
#include <tamp/execute/instructions.hpp>

namespace support {

/// Calls use() once for each set, which is then the current one.
template <class Use>
void with_every_instructions(Use&& use) {
  using tamp::execute::instructions;
  const instructions before = tamp::execute::current_instructions();
  for (const auto set : {instructions::portable, instructions::avx2, instructions::avx512}) {
    if (set > tamp::execute::best_instructions()) continue;
    tamp::execute::use_instructions(set);
    BOOST_TEST_CONTEXT(tamp::execute::label(set)) { use(); }
  }
  tamp::execute::use_instructions(before);
}

}  // namespace support
