#include <tamp/detail/ieee_arithmetic.hpp>

#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <limits>
#include <stdexcept>

#include "../support/floating_point.hpp"

BOOST_AUTO_TEST_SUITE(detail_ieee_arithmetic)

using tamp::detail::ieee_arithmetic;

namespace {

// Computed while the program runs.
float half_of(float number) {
  const volatile float divisor = 2;
  return number / divisor;
}
double third_of(double number) {
  const volatile double divisor = 3;
  return number / divisor;
}
constexpr float smallest_normal = std::numeric_limits<float>::min();

}  // namespace

BOOST_AUTO_TEST_CASE(subnormal_numbers_are_not_flushed_to_zero) {
  const support::flushed_subnormals host;
  if (!support::flushed_subnormals::is_on()) return;
  BOOST_TEST(half_of(smallest_normal) == 0.0f);
  {
    const ieee_arithmetic as_usual;
    BOOST_TEST(half_of(smallest_normal) != 0.0f);
    BOOST_TEST(!support::flushed_subnormals::is_on());
  }
  BOOST_TEST(half_of(smallest_normal) == 0.0f);
}

BOOST_AUTO_TEST_CASE(numbers_are_rounded_to_nearest) {
  const double nearest = third_of(1);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    const support::rounding host(mode);
    {
      const ieee_arithmetic as_usual;
      BOOST_TEST(third_of(1) == nearest);
      BOOST_TEST(third_of(-1) == -nearest);
    }
    BOOST_TEST(std::fegetround() == mode);
  }
}

BOOST_AUTO_TEST_CASE(the_hosts_environment_is_back_also_after_an_exception) {
  const support::flushed_subnormals host;
  const bool was_on = support::flushed_subnormals::is_on();
  try {
    const ieee_arithmetic as_usual;
    throw std::runtime_error("thrown");
  } catch (const std::runtime_error&) {
  }
  BOOST_TEST(support::flushed_subnormals::is_on() == was_on);
}

#if defined(__GLIBC__)
BOOST_AUTO_TEST_CASE(traps_of_the_host_are_not_sprung_and_stay_set) {
  std::feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
  float infinite = 0;
  {
    const ieee_arithmetic as_usual;
    const volatile float zero = 0;
    infinite = 1 / zero;
  }
  const int enabled = fegetexcept();
  fedisableexcept(FE_ALL_EXCEPT);
  BOOST_TEST(infinite > std::numeric_limits<float>::max());
#  if defined(__x86_64__)
  BOOST_TEST(enabled == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW));
#  endif
}
#endif

BOOST_AUTO_TEST_SUITE_END()
