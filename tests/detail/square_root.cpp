#include <tamp/detail/square_root.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>

BOOST_AUTO_TEST_SUITE(detail_square_root)

using tamp::detail::square_root;

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(square_root(9) == 3);
  BOOST_TEST(square_root(2.25) == 1.5);
  BOOST_TEST(square_root(0) == 0);
  BOOST_TEST(square_root(1) == 1);
}

BOOST_AUTO_TEST_CASE(the_bits_are_those_of_the_standard_function) {
  std::mt19937_64 random(1);
  for (int k = 0; k < 100000; ++k) {
    const double number = std::ldexp(static_cast<double>(random()), -(k % 1100));
    if (square_root(number) != std::sqrt(number)) BOOST_ERROR(number);
  }
}

BOOST_AUTO_TEST_CASE(edges) {
  using limits = std::numeric_limits<double>;
  BOOST_TEST(std::signbit(square_root(-0.0)));
  BOOST_TEST(square_root(limits::denorm_min()) == 0x1p-537);
  BOOST_TEST(square_root(limits::infinity()) == limits::infinity());
  BOOST_TEST(std::isnan(square_root(-1)));
  BOOST_TEST(std::isnan(square_root(limits::quiet_NaN())));
}

BOOST_AUTO_TEST_SUITE_END()
