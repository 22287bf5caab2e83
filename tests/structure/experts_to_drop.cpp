#include <tamp/structure/experts_to_drop.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_experts_to_drop)

using places = std::vector<std::size_t>;
using tamp::structure::experts_to_drop;

namespace {
const std::vector<double> scores{4, 0, 2, 2, 7, 1};
}

BOOST_AUTO_TEST_CASE(by_hand) {
  const auto choice = experts_to_drop(scores, 3, {.least = 2});
  BOOST_TEST(choice.drop == (places{1, 2, 5}), boost::test_tools::per_element());
  BOOST_TEST(choice.unseen.empty());
  BOOST_TEST(choice.notes.empty());
}

BOOST_AUTO_TEST_CASE(at_least_top_k_stay) {
  const auto choice = experts_to_drop(scores, 5, {.least = 4});
  BOOST_TEST(choice.drop == (places{1, 5}), boost::test_tools::per_element());
  BOOST_TEST(choice.notes ==
                 std::vector<std::string>{"experts_to_drop: 2 experts go instead of 5: at least 4 "
                                          "of 6 stay, and 1 routing group loses equally many"},
             boost::test_tools::per_element());
  BOOST_TEST(experts_to_drop(scores, 1, {.least = 9}).drop.empty());
}

BOOST_AUTO_TEST_CASE(routing_groups_lose_equally_many) {
  // Three groups of two: 5 / 3 = 1 of each.
  const auto choice = experts_to_drop(scores, 5, {.groups = 3});
  BOOST_TEST(choice.drop == (places{1, 2, 5}), boost::test_tools::per_element());
  BOOST_TEST(choice.notes ==
                 std::vector<std::string>{"experts_to_drop: 3 experts go instead of 5: at least 1 "
                                          "of 6 stay, and 3 routing groups lose equally many"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(experts_that_saw_too_few_tokens_are_named) {
  const std::vector<std::uint64_t> tokens{9, 0, 1, 9, 2, 9};
  const auto choice = experts_to_drop(scores, 3, {.least = 2, .fewest_tokens = 3}, tokens);
  BOOST_TEST(choice.drop == (places{1, 2, 5}), boost::test_tools::per_element());
  BOOST_TEST(choice.unseen == (places{1, 2, 4}), boost::test_tools::per_element());
  BOOST_TEST(choice.notes ==
                 std::vector<std::string>{"experts_to_drop: dropped although fewer than 3 tokens "
                                          "were sent to them: 1 (0 tokens), 2 (1 token)"},
             boost::test_tools::per_element());
  // A caller can ask that they stay.
  const auto kept =
      experts_to_drop(scores, 3, {.least = 2, .keep = choice.unseen, .fewest_tokens = 3}, tokens);
  BOOST_TEST(kept.drop == (places{0, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept.notes.empty());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const std::vector<std::uint64_t> tokens{1, 2};
  support::check_error<tamp::shape_error>(
      "experts_to_drop: 6 scores, and numbers of tokens of 2 experts",
      [&] { static_cast<void>(experts_to_drop(scores, 1, {}, tokens)); });
  support::check_error<tamp::shape_error>(
      "lowest_units: 6 units do not divide into 4 sections",
      [&] { static_cast<void>(experts_to_drop(scores, 1, {.groups = 4})); });
}

BOOST_AUTO_TEST_SUITE_END()
