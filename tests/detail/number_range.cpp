#include <tamp/detail/number_range.hpp>

#include <boost/test/unit_test.hpp>
#include <limits>
#include <tuple>

BOOST_AUTO_TEST_SUITE(detail_number_range)

using tamp::detail::is_fraction;
using tamp::detail::is_nonnegative;
using tamp::detail::is_positive;
using reals = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(ends_belong_to_the_range_or_not, Real, reals) {
  using limits = std::numeric_limits<Real>;
  constexpr Real zero = 0, one = 1, least = limits::denorm_min(), most = limits::max();
  constexpr Real above_one = one + limits::epsilon();
  static_assert(is_nonnegative(zero) && is_nonnegative(-zero) && is_nonnegative(most));
  static_assert(!is_nonnegative(-least));
  static_assert(!is_positive(zero) && !is_positive(-zero) && is_positive(least));
  static_assert(is_positive(most) && !is_positive(-most));
  static_assert(is_fraction(zero) && is_fraction(-zero) && is_fraction(one));
  static_assert(!is_fraction(above_one) && !is_fraction(-least));
  BOOST_TEST(is_fraction(one));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_finite_lies_in_no_range, Real, reals) {
  using limits = std::numeric_limits<Real>;
  for (const Real wrong :
       {limits::quiet_NaN(), -limits::quiet_NaN(), limits::infinity(), -limits::infinity()}) {
    BOOST_TEST(!is_nonnegative(wrong));
    BOOST_TEST(!is_positive(wrong));
    BOOST_TEST(!is_fraction(wrong));
  }
}

BOOST_AUTO_TEST_SUITE_END()
