#pragma once

// Tests that take too long for every change run before a release: with TAMP_THOROUGH_TESTS in the
// environment, loops over many like cases run whole, and a few more tests run.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>

namespace support {

inline bool is_thorough() { return std::getenv("TAMP_THOROUGH_TESTS") != nullptr; }

/// True for the cases of a loop that are run: each `nth` one, or all of them.
/// Where loops are nested, `nth` must have no factor in common with the length of the innermost.
inline bool is_run(std::size_t k, std::size_t nth) { return k % nth == 0 || is_thorough(); }

/// Decorates a test that is run before a release only.
inline auto before_a_release() {
  return boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result run(is_thorough());
    run.message() << "TAMP_THOROUGH_TESTS is not set";
    return run;
  });
}

}  // namespace support
