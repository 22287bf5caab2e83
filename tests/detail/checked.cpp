#include <tamp/detail/checked.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(detail_checked)

using namespace tamp::detail;

namespace {
constexpr auto most = (std::numeric_limits<std::uint64_t>::max)();
}

BOOST_AUTO_TEST_CASE(products_and_sums_that_fit_are_what_they_are) {
  static_assert(checked_product<tamp::value_error>("test", std::uint64_t{6}, 7) == 42);
  static_assert(checked_sum("test", std::uint64_t{6}, 7) == 13);
  BOOST_TEST(checked_product("test", most, 0) == 0u);
  BOOST_TEST(checked_product("test", std::uint64_t{0}, most) == 0u);
  BOOST_TEST(checked_product("test", most, 1) == most);
  BOOST_TEST(checked_product("test", most / 3, 3) == most);
  BOOST_TEST(checked_sum("test", most - 1, 1) == most);
}

BOOST_AUTO_TEST_CASE(products_and_sums_that_do_not_fit_are_refused_with_their_numbers) {
  support::check_error<tamp::shape_error>(
      "test: 4294967296 times 4294967296 is too large to be counted",
      [] { checked_product("test", std::uint64_t{1} << 32, std::uint64_t{1} << 32); });
  support::check_error<tamp::value_error>(
      "test: 18446744073709551615 and 1 together are too large to be counted",
      [] { checked_sum<tamp::value_error>("test", most, 1); });
  // With 32 bits it is the same.
  support::check_error<tamp::shape_error>("test: 65536 times 65536 is too large to be counted", [] {
    checked_product("test", std::uint32_t{65536}, 65536);
  });
}

BOOST_AUTO_TEST_CASE(an_extent_may_be_of_any_type_of_number) {
  BOOST_TEST(checked_extent("test", "rows", 5) == 5u);
  BOOST_TEST(checked_extent("test", "rows", std::int8_t{5}) == 5u);
  BOOST_TEST(checked_extent("test", "rows", 5.0) == 5u);
  BOOST_TEST(checked_extent("test", "rows", std::integral_constant<int, 5>{}) == 5u);
  support::check_error<tamp::shape_error>("test: there cannot be -1 rows",
                                          [] { checked_extent("test", "rows", -1); });
  support::check_error<tamp::shape_error>("test: there cannot be -1e+30 rows",
                                          [] { checked_extent("test", "rows", -1e30); });
  support::check_error<tamp::shape_error>("test: there cannot be 1e+30 rows",
                                          [] { checked_extent("test", "rows", 1e30); });
  support::check_error<tamp::shape_error>("test: there cannot be 18446744073709551615 rows",
                                          [] { checked_extent("test", "rows", most); });
  support::check_error<tamp::shape_error>("test: there cannot be nan rows", [] {
    checked_extent("test", "rows", std::numeric_limits<float>::quiet_NaN());
  });
}

BOOST_AUTO_TEST_CASE(a_shape_has_no_more_elements_than_distances_can_count) {
  check_shape("test", 0, std::size_t{1} << 62);
  check_shape("test", std::size_t{1} << 62, 0);
  check_shape("test", std::size_t{1} << 31, (std::size_t{1} << 32) - 1);
  support::check_error<tamp::shape_error>(
      "test: 4294967296 x 2147483648 elements are more than memory can hold",
      [] { check_shape("test", std::size_t{1} << 32, std::size_t{1} << 31); });
  support::check_error<tamp::shape_error>(
      "test: a shape of 18446744073709551615 x 0 is too large; was one of the numbers negative?",
      [] { check_shape("test", static_cast<std::size_t>(-1), 0); });
}

BOOST_AUTO_TEST_CASE(what_memory_refuses_is_an_error_like_any_other) {
  BOOST_TEST(checked_array<int>("test", 3, 7) == std::vector<int>(3, 7),
             boost::test_tools::per_element());
  support::check_error<tamp::shape_error>(
      "test: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [] { checked_array<double>("test", std::uint64_t{1} << 62); });
  BOOST_TEST(checked_matrix("test", 3, 4, 8) == 12u);
  BOOST_TEST(checked_matrix("test", std::size_t{1} << 62, 0, 8) == 0u);
  BOOST_TEST(checked_matrix("test", 0, std::size_t{1} << 62, 8) == 0u);
  support::check_error<tamp::shape_error>(
      "test: 4294967296 x 4294967296 numbers of 8 bytes are more than memory can hold",
      [] { checked_matrix("test", std::size_t{1} << 32, std::size_t{1} << 32, 8); });
  BOOST_TEST(with_memory("test", [] { return 3; }) == 3);
  support::check_error<tamp::shape_error>(
      "test: there is not enough memory for tensors of these shapes",
      [] { with_memory("test", [] { throw std::bad_alloc(); }); });
}

BOOST_AUTO_TEST_SUITE_END()
