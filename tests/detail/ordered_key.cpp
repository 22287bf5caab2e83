#include <tamp/detail/ordered_key.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <tuple>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(detail_ordered_key)

using tamp::detail::next_higher;
using tamp::detail::next_lower;
using tamp::detail::number_of_key;
using tamp::detail::ordered_key;

namespace {

using reals = decltype(std::tuple<float, double>{});

// Numbers of every kind, ascending, and zero once.
template <class Real>
std::vector<Real> ascending() {
  using limits = std::numeric_limits<Real>;
  std::vector<Real> numbers{
      0,    limits::denorm_min(), limits::min(),     Real(0.5), 1, Real(1.5), 2,
      1000, limits::max(),        limits::infinity()};
  for (std::size_t k = numbers.size() - 1; k != 0; --k)
    numbers.insert(numbers.begin(), -numbers[numbers.size() - k]);
  return numbers;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_are_ordered_like_their_numbers, Real, reals) {
  const auto numbers = ascending<Real>();
  for (std::size_t k = 1; k < numbers.size(); ++k) {
    BOOST_REQUIRE(numbers[k - 1] < numbers[k]);
    BOOST_TEST(ordered_key(numbers[k - 1]) < ordered_key(numbers[k]));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(zeros_of_either_sign_have_one_key, Real, reals) {
  static_assert(ordered_key(Real{0}) == ordered_key(-Real{0}));
  BOOST_TEST(!std::signbit(number_of_key(ordered_key(-Real{0}))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_key_gives_its_number_back, Real, reals) {
  for (const Real number : ascending<Real>())
    BOOST_TEST(number_of_key(ordered_key(number)) == number);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(neighbours_are_the_next_numbers, Real, reals) {
  using bits = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  std::vector<Real> numbers = ascending<Real>();
  numbers.push_back(-Real{0});
  std::mt19937_64 random(7);
  while (numbers.size() < 1000) {
    const auto any = std::bit_cast<Real>(static_cast<bits>(random()));
    if (!std::isnan(any)) numbers.push_back(any);
  }
  for (const Real number : numbers) {
    if (number != infinity) BOOST_TEST(next_higher(number) == std::nextafter(number, infinity));
    if (number != -infinity) BOOST_TEST(next_lower(number) == std::nextafter(number, -infinity));
  }
}

BOOST_AUTO_TEST_SUITE_END()
