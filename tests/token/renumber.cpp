#include <tamp/token/renumber.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(token_renumber)

using support::check_error;
using tamp::token::renumber;
using positions = std::vector<std::size_t>;

BOOST_AUTO_TEST_CASE(by_hand) {
  positions left{0, 1, 4, 9, 10};
  renumber(left);
  BOOST_TEST(left == (positions{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  renumber(left, 7);
  BOOST_TEST(left == (positions{7, 8, 9, 10, 11}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_tokens_nothing_is_renumbered) {
  positions none;
  renumber(none, static_cast<std::size_t>(-1));
  BOOST_TEST(none.empty());
}

BOOST_AUTO_TEST_CASE(positions_that_cannot_be_are_refused) {
  check_error<tamp::shape_error>("renumber: 3 positions lie at a null pointer", [] {
    renumber(std::span<std::size_t>(static_cast<std::size_t*>(nullptr), 3));
  });
  positions left{0, 4};
  check_error<tamp::shape_error>(
      "renumber: 18446744073709551614 and 2 together are too large to be counted",
      [&] { renumber(left, static_cast<std::size_t>(-2)); });
  BOOST_TEST(left == (positions{0, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
