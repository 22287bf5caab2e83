#include <tamp/detail/large_array.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(detail_large_array)

using tamp::detail::large_array;

BOOST_AUTO_TEST_CASE(numbers_are_held_at_aligned_addresses) {
  for (const std::size_t size : {1u, 7u, 1000u, (1u << 20) - 1, (1u << 20) + 3}) {
    const large_array<double> numbers(size);
    const auto address = reinterpret_cast<std::uintptr_t>(numbers.data());
    BOOST_TEST(address % 64 == 0u);
    if (size > (1u << 20)) BOOST_TEST(address % (1u << 21) == 0u);  // whole pages of 2 MB
    for (std::size_t k = 0; k < size; ++k) numbers.data()[k] = double(k);
    BOOST_TEST(numbers.data()[0] == 0.0);
    BOOST_TEST(numbers.data()[size - 1] == double(size - 1));
  }
}

BOOST_AUTO_TEST_CASE(moving_keeps_the_numbers_where_they_are) {
  large_array<float> first(10), other;
  BOOST_TEST(other.data() == nullptr);
  first.data()[9] = 3;
  const float* const where = first.data();
  other = std::move(first);
  BOOST_TEST(other.data() == where);
  BOOST_TEST(other.data()[9] == 3.0f);
  BOOST_TEST(first.data() == nullptr);
}

BOOST_AUTO_TEST_CASE(more_than_memory_can_hold_is_refused) {
  support::check_error<tamp::shape_error>(
      "memory: 2305843009213693952 numbers of 8 bytes are more than memory can hold",
      [] { large_array<double>(std::size_t{1} << 61); });
}

BOOST_AUTO_TEST_SUITE_END()
