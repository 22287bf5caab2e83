#include <tamp/token/detail/soft_matching.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../../support/matching.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_soft_matching)

using support::merged_token;
using tamp::detail::soft_matching;

BOOST_AUTO_TEST_CASE(by_hand) {
  // A = 0, 2 and B = 1, 3, of one number each: 2 is like both of B, and goes to the first; 0 is
  // opposed to both.
  soft_matching matching({-1, 1, 5, 2}, {1, 1, 1, 1});
  BOOST_TEST(matching.left() == 4u);
  matching.merge(1);
  BOOST_TEST(matching.left() == 3u);
  BOOST_TEST(matching.into(2) == 1u);
  for (const std::size_t row : {0u, 1u, 3u}) BOOST_TEST(matching.into(row) == row);
  // Now A = 0, 3 and B = 1.
  matching.merge(1);
  BOOST_TEST(matching.into(3) == 1u);
  matching.merge(1);
  for (std::size_t row = 0; row < 4; ++row) BOOST_TEST(matching.into(row) == 1u);
  BOOST_TEST(matching.left() == 1u);
}

BOOST_AUTO_TEST_CASE(among_equal_edges_the_lowest_rows_merge_first) {
  soft_matching matching(std::vector<double>(6, 1.0), std::vector<double>(6, 1.0));
  matching.merge(2);
  BOOST_TEST(matching.into(0) == 1u);
  BOOST_TEST(matching.into(2) == 1u);
  BOOST_TEST(matching.into(4) == 4u);
}

BOOST_AUTO_TEST_CASE(it_is_its_definition_round_by_round) {
  std::vector<double> rows, sizes;
  std::vector<merged_token> tokens;
  for (std::size_t i = 0; i < 19; ++i) {
    tokens.push_back({i, {i}, double(1 + i % 4), {}});
    sizes.push_back(double(1 + i % 4));
    for (std::size_t j = 0; j < 3; ++j) {
      rows.push_back(double((i * 37 + j * 11) * (i + 3) % 23) - 11.3);
      tokens.back().numbers.push_back(rows.back());
    }
  }
  soft_matching matching(rows, sizes);
  for (const std::size_t count : {3u, 0u, 8u, 2u, 3u, 1u, 1u}) {
    matching.merge(count);
    tokens = support::matching_round(tokens, count);
    BOOST_TEST(matching.left() == tokens.size());
    for (const merged_token& token : tokens)
      for (const std::size_t member : token.members)
        BOOST_TEST(matching.into(member) == token.place);
  }
  BOOST_TEST(matching.left() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
