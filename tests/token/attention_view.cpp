#include <tamp/token/attention_view.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"

BOOST_AUTO_TEST_SUITE(token_attention_view)

using support::check_error;
using tamp::token::attention_view;

BOOST_AUTO_TEST_CASE(a_row_of_attention_is_found_by_head_and_query) {
  std::vector<float> numbers(2 * 2 * 5);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = float(k);
  const attention_view a(numbers, 2, 2, 5, 3);
  BOOST_TEST(a.row(0, 3)[0] == 0.0f);
  BOOST_TEST(a.row(0, 4)[1] == 6.0f);
  BOOST_TEST(a.row(1, 3)[4] == 14.0f);
  BOOST_TEST(a.row(1, 4).size() == 5u);
  BOOST_TEST(a.covers(3, 5));
  BOOST_TEST(!a.covers(2, 4));
  BOOST_TEST(attention_view().empty());
  BOOST_TEST(!attention_view().covers(0, 0));
  const attention_view all(std::span<const float>(numbers).first(18), 2, 3);
  BOOST_TEST(all.queries() == 3u);
  BOOST_TEST(all.covers(0, 3));
}

BOOST_AUTO_TEST_CASE(attention_may_be_that_of_no_query) {
  const attention_view none({}, 3, 0, 5, 5);
  BOOST_TEST(none.empty());
  BOOST_TEST(none.tokens() == 5u);
  BOOST_TEST(!none.covers(5, 5));
}

BOOST_AUTO_TEST_CASE(attention_that_does_not_fit_is_refused) {
  const std::vector<float> numbers(20);
  check_error<tamp::shape_error>(
      "attention_view: 20 numbers are not 2 heads x 2 queries x 4 tokens",
      [&] { attention_view(numbers, 2, 2, 4, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 4 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 4); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 9 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 9); });
}

BOOST_AUTO_TEST_CASE(attention_whose_sizes_wrap_or_that_lies_nowhere_is_refused) {
  const std::vector<float> numbers(64);
  constexpr std::size_t large = std::size_t{1} << 60;
  check_error<tamp::shape_error>(
      "attention_view: 64 numbers are not 1152921504606846980 heads x 1 queries x 16 tokens",
      [&] { attention_view(numbers, large + 4, 1, 16, 15); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 1152921504606846976 heads x 16 queries x 16 tokens",
      [&] { attention_view({}, large, 16, 16, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 16 heads x 1152921504606846976 queries x 1 tokens",
      [&] { attention_view({}, 16, large, 1, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 4 queries from token 18446744073709551614 on leave a sequence of 16 tokens",
      [&] { attention_view(numbers, 1, 4, 16, static_cast<std::size_t>(-2)); });
  check_error<tamp::shape_error>("attention_view: 64 numbers lie at a null pointer", [] {
    attention_view(std::span<const float>(static_cast<const float*>(nullptr), 64), 1, 4, 16, 0);
  });
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_row_is_none) {
  const std::vector<float> numbers(8);
  const attention_view a(numbers, 2, 2, 2, 0);
  support::check_aborts(
      "attention_view: the row of head 2, query 0 of 2 heads and 2 queries from 0 on",
      [&] { (void)a.row(2, 0); });
  support::check_aborts(
      "attention_view: the row of head 0, query 2 of 2 heads and 2 queries from 0 on",
      [&] { (void)a.row(0, 2); });
}

BOOST_AUTO_TEST_SUITE_END()
