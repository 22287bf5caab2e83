#include <tamp/detail/special_numbers.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(detail_special_numbers)

namespace {

template <class Real>
void check() {
  using namespace tamp::detail;
  BOOST_TEST(infinity<Real> == std::numeric_limits<Real>::infinity());
  BOOST_TEST(std::isnan(not_a_number<Real>));
  BOOST_TEST(is_nan(not_a_number<Real>));
  BOOST_TEST(is_nan(-std::numeric_limits<Real>::quiet_NaN()));
  BOOST_TEST(is_nan(std::numeric_limits<Real>::signaling_NaN()));
  for (const Real number : {Real{0}, Real{-1}, std::numeric_limits<Real>::max(), infinity<Real>,
                            -infinity<Real>, std::numeric_limits<Real>::denorm_min()})
    BOOST_TEST(!is_nan(number));
}

}  // namespace

BOOST_AUTO_TEST_CASE(infinity_and_nan_are_what_the_standard_calls_them) {
  check<float>();
  check<double>();
}

BOOST_AUTO_TEST_SUITE_END()
