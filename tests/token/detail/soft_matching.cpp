#include <tamp/token/detail/soft_matching.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../../support/matching.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_soft_matching)

using support::merged_token;
using tamp::detail::soft_matching;
using indices = std::vector<std::size_t>;

namespace {

indices left(const soft_matching& matching) {
  return {matching.left().begin(), matching.left().end()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // A = 0, 2 and B = 1, 3, of one number each: 2 is like both of B, and goes to the first; 0 is
  // opposed to both.
  soft_matching matching({-1, 1, 5, 2}, {1, 1, 1, 1}, {});
  BOOST_TEST(left(matching) == (indices{0, 1, 2, 3}), boost::test_tools::per_element());
  matching.merge(0);  // nothing is changed
  BOOST_TEST(left(matching) == (indices{0, 1, 2, 3}), boost::test_tools::per_element());
  matching.merge(1);
  BOOST_TEST(left(matching) == (indices{0, 1, 3}), boost::test_tools::per_element());
  BOOST_TEST(matching.into(2) == 1u);
  for (const std::size_t row : {0u, 1u, 3u}) BOOST_TEST(matching.into(row) == row);
  // Now A = 0, 3 and B = 1. What is left of A stands in front.
  matching.merge(1);
  BOOST_TEST(matching.into(3) == 1u);
  BOOST_TEST(left(matching) == (indices{0, 1}), boost::test_tools::per_element());
  matching.merge(1);
  for (std::size_t row = 0; row < 4; ++row) BOOST_TEST(matching.into(row) == 1u);
  BOOST_TEST(left(matching) == (indices{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_sequence_that_is_left_begins_with_a_by_falling_similarity) {
  // A = 0, 2, 4 and B = 1, 3, 5, all like (1, 0): the cosines of A are 0.45, 1 and 0.71.
  const std::vector<double> rows{1, 2, 1, 0, 5, 0, 1, 0, 1, 1, 1, 0};
  const auto after_one = [&](tamp::detail::matching_rules rules) {
    soft_matching matching(rows, std::vector<double>(6, 1.0), rules);
    matching.merge(1);
    return left(matching);
  };
  BOOST_TEST(after_one({}) == (indices{4, 0, 1, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(after_one({.keeps_order = true}) == (indices{0, 1, 3, 4, 5}),
             boost::test_tools::per_element());
  // A class token, row 0, does not merge, and A is in its order behind it.
  BOOST_TEST(after_one({.protected_tokens = 1}) == (indices{0, 4, 1, 3, 5}),
             boost::test_tools::per_element());
  // A distillation token, row 1, follows it. Row 2 is as near to row 3 as to row 1.
  soft_matching both(rows, std::vector<double>(6, 1.0), {.protected_tokens = 2});
  both.merge(1);
  BOOST_TEST(both.into(2) == 3u);
  BOOST_TEST(left(both) == (indices{0, 1, 4, 3, 5}), boost::test_tools::per_element());
  // A class token in front of the rows: they begin in B. Then A = 1, 3, 5, all of them like row 2.
  soft_matching behind(rows, std::vector<double>(6, 1.0), {.protected_tokens = 1, .in_front = 1});
  BOOST_TEST(behind.tokens() == 7u);
  behind.merge(2);
  BOOST_TEST(behind.into(1) == 2u);
  BOOST_TEST(behind.into(3) == 2u);
  BOOST_TEST(left(behind) == (indices{5, 0, 2, 4}), boost::test_tools::per_element());
  // Class and distillation token in front: they begin in A.
  soft_matching two(rows, std::vector<double>(6, 1.0), {.protected_tokens = 2, .in_front = 2});
  two.merge(1);
  BOOST_TEST(left(two) == (indices{0, 4, 1, 3, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_protection_leaves_no_edge_the_last_row_joins_the_first) {
  soft_matching one({1, 3}, {1, 1}, {.protected_tokens = 1});
  one.merge(1);
  BOOST_TEST(one.into(1) == 0u);
  soft_matching two({1, 3, 2}, {1, 1, 1}, {.protected_tokens = 2});
  two.merge(1);
  BOOST_TEST(two.into(2) == 0u);
  two.merge(1);
  BOOST_TEST(two.into(1) == 0u);
  BOOST_TEST(left(two) == (indices{0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(among_equal_edges_the_first_tokens_merge_first) {
  soft_matching matching(std::vector<double>(6, 1.0), std::vector<double>(6, 1.0), {});
  matching.merge(2);
  BOOST_TEST(matching.into(0) == 1u);
  BOOST_TEST(matching.into(2) == 1u);
  BOOST_TEST(left(matching) == (indices{4, 1, 3, 5}), boost::test_tools::per_element());
  matching.merge(1);  // the first is now row 4, and B begins with row 1
  BOOST_TEST(matching.into(4) == 1u);
}

BOOST_AUTO_TEST_CASE(it_is_its_definition_round_by_round) {
  for (std::size_t protected_tokens = 0; protected_tokens < 3; ++protected_tokens)
    for (std::size_t in_front = 0; in_front <= protected_tokens; ++in_front)
      for (const bool keeps_order : {false, true}) {
        std::vector<double> rows, sizes;
        std::vector<merged_token> tokens(in_front, merged_token{0, {}, 0, {}});
        for (std::size_t i = 0; i < 21 - in_front; ++i) {
          tokens.push_back({i, {i}, double(1 + i % 4), {}});
          sizes.push_back(double(1 + i % 4));
          for (std::size_t j = 0; j < 3; ++j) {
            rows.push_back(double((i * 37 + j * 11) * (i + 3) % 23) - 11.3);
            tokens.back().numbers.push_back(rows.back());
          }
        }
        soft_matching matching(rows, sizes, {protected_tokens, in_front, keeps_order});
        for (const std::size_t count : {3u, 0u, 7u, 2u, 3u, 1u, 1u, 1u, 1u, 1u}) {
          if (matching.left().size() == 1) break;
          matching.merge(count);
          tokens = support::matching_round(tokens, count, protected_tokens, keeps_order);
          BOOST_TEST(matching.tokens() == tokens.size());
          indices places;
          for (std::size_t k = in_front; k < tokens.size(); ++k) {
            places.push_back(tokens[k].place);
            for (const std::size_t member : tokens[k].members)
              BOOST_TEST(matching.into(member) == tokens[k].place);
          }
          BOOST_TEST(left(matching) == places, boost::test_tools::per_element());
        }
        BOOST_TEST(matching.left().size() == 1u);
      }
}

BOOST_AUTO_TEST_CASE(protected_tokens_in_front_are_all_the_text_there_if_it_is_no_more_than_they) {
  using enum tamp::modality;
  const auto in_front = [](const std::vector<tamp::modality>& kinds, indices candidates,
                           std::size_t protected_tokens) {
    return tamp::detail::protected_in_front({.kinds = kinds}, candidates, protected_tokens);
  };
  BOOST_TEST(in_front({text, image, image}, {1, 2}, 1) == 1u);
  BOOST_TEST(in_front({text, image, image}, {1, 2}, 2) == 1u);  // the second is an image token
  BOOST_TEST(in_front({text, text, image}, {2}, 2) == 2u);
  BOOST_TEST(in_front({text, text, image}, {2}, 1) == 0u);  // a prompt
  BOOST_TEST(in_front({image, image}, {0, 1}, 1) == 0u);
  BOOST_TEST(in_front({image, text, image}, {2}, 2) == 0u);  // a second image
  BOOST_TEST(in_front({text, image}, {1}, 0) == 0u);
  BOOST_TEST(in_front({text}, {}, 1) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
