#include <tamp/token/detail/attention_rows.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "../../support/instructions.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_attention_rows)

using support::with_every_instructions;
using tamp::detail::add_row;
using tamp::detail::are_attention;
using tamp::detail::of_tokens;
using tamp::detail::take_maximum;

namespace {

std::vector<float> random_row(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> row(size);
  for (float& a : row) a = uniform(random);
  return row;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_added_number_by_number) {
  std::vector<double> sums{1, 2, 3};
  add_row(std::vector<float>{0.5f, 0, 0.25f}, sums);
  BOOST_TEST((sums == std::vector<double>{1.5, 2, 3.25}));
}

BOOST_AUTO_TEST_CASE(the_higher_number_stays) {
  std::vector<float> highest{0.5f, 0.5f, 0};
  take_maximum(std::vector<float>{0.25f, 0.75f, 0}, highest);
  BOOST_TEST((highest == std::vector<float>{0.5f, 0.75f, 0}));
}

BOOST_AUTO_TEST_CASE(of_one_number_a_token_the_chosen_tokens_have_theirs) {
  BOOST_TEST((of_tokens(std::vector<double>{4, 5, 6}, std::vector<std::size_t>{0, 2}) ==
              std::vector<double>{4, 6}));
  BOOST_TEST(of_tokens({}, {}).empty());
}

BOOST_AUTO_TEST_CASE(any_length_gives_what_a_plain_loop_does_with_all_instructions) {
  with_every_instructions([] {
    for (const std::size_t size : {0u, 1u, 3u, 4u, 7u, 8u, 9u, 16u, 31u, 64u, 100u}) {
      const std::vector<float> row = random_row(size, 1), other = random_row(size, 2);
      std::vector<double> sums(size, 0.1), expected_sums(size);
      std::vector<float> highest = other, expected_highest(size);
      for (std::size_t j = 0; j < size; ++j) {
        expected_sums[j] = 0.1 + static_cast<double>(row[j]);
        expected_highest[j] = std::max(row[j], other[j]);
      }
      add_row(row, sums);
      take_maximum(row, highest);
      BOOST_TEST(sums == expected_sums, boost::test_tools::per_element());
      BOOST_TEST(highest == expected_highest, boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(a_row_with_one_number_that_is_no_attention_is_none) {
  using limits = std::numeric_limits<float>;
  with_every_instructions([] {
    for (const std::size_t size : {1u, 8u, 13u, 40u}) {
      std::vector<float> row = random_row(size, 3);
      BOOST_TEST(are_attention(row));
      for (std::size_t at = 0; at < size; ++at) {
        const float before = row[at];
        for (const float odd : {limits::quiet_NaN(), limits::infinity(), -limits::infinity(),
                                -limits::denorm_min(), -1.0f}) {
          row[at] = odd;
          BOOST_TEST(!are_attention(row));
        }
        for (const float usable : {0.0f, -0.0f, limits::denorm_min(), limits::max()}) {
          row[at] = usable;
          BOOST_TEST(are_attention(row));
        }
        row[at] = before;
      }
    }
    BOOST_TEST(are_attention({}));
  });
}

BOOST_AUTO_TEST_SUITE_END()
