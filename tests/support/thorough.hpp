#pragma once

// Tests that take too long for every change run before a release: with TAMP_THOROUGH_TESTS in the
// environment, loops over many like cases run whole, and a few more tests run.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>

namespace support {

inline bool is_thorough() { return std::getenv("TAMP_THOROUGH_TESTS") != nullptr; }

/// True for the cases of a loop that are run: each `nth` one, or all of them.
/// In nested loops, `nth` must have no factor in common with the length of the innermost.
inline bool is_run(std::size_t k, std::size_t nth) { return k % nth == 0 || is_thorough(); }

/// Decorates a test that is run before a release only.
class before_a_release : public boost::unit_test::decorator::base {
  void apply(boost::unit_test::test_unit& unit) override {
    if (!is_thorough()) unit.p_default_status.value = boost::unit_test::test_unit::RS_DISABLED;
  }
  boost::unit_test::decorator::base_ptr clone() const override {
    return boost::unit_test::decorator::base_ptr(new before_a_release);
  }
};

}  // namespace support
