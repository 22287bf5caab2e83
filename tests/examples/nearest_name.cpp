// The name that a mistyped one stands for.
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <study/nearest_name.hpp>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(examples_nearest_name)

using study::nearest_name;
using study::typing_errors;

BOOST_AUTO_TEST_CASE(typing_errors_are_counted_by_hand) {
  BOOST_TEST(typing_errors("", "") == 0u);
  BOOST_TEST(typing_errors("", "ria") == 3u);
  BOOST_TEST(typing_errors("wanda", "wanda") == 0u);
  BOOST_TEST(typing_errors("sparsty", "sparsity") == 1u);    // too few
  BOOST_TEST(typing_errors("sparsiity", "sparsity") == 1u);  // too many
  BOOST_TEST(typing_errors("sparsitt", "sparsity") == 1u);   // wrong
  BOOST_TEST(typing_errors("wnada", "wanda") == 1u);         // exchanged
  BOOST_TEST(typing_errors("ca", "abc") == 3u);              // no letter is touched twice
  for (const auto& [a, b] : {std::pair{"kitten", "sitting"}, std::pair{"sitting", "kitten"}})
    BOOST_TEST(typing_errors(a, b) == 3u);
}

BOOST_AUTO_TEST_CASE(the_nearest_name_is_found_and_the_first_of_several) {
  const std::vector<std::string> options{"out",        "sparsity",        "score",
                                         "statistics", "save-plan",       "plan",
                                         "masks",      "save-statistics", "sparse-swap"};
  const auto nearest = [&](std::string_view typed) { return nearest_name(typed, options); };
  BOOST_TEST(nearest("sparsty").value() == "sparsity");
  BOOST_TEST(nearest("sparse").value() == "sparsity");
  BOOST_TEST(nearest("ot").value() == "out");
  BOOST_TEST(nearest("mask").value() == "masks");
  BOOST_TEST(nearest("saveplan").value() == "save-plan");
  BOOST_TEST(nearest("pla").value() == "plan");
  BOOST_TEST(nearest("out").value() == "out");
  BOOST_TEST(nearest_name("cap", {"cat", "cab"}).value() == "cat");
}

BOOST_AUTO_TEST_CASE(a_name_may_be_abbreviated_if_one_alone_begins_so) {
  const std::vector<std::string> options{"statistics", "save-plan", "save-statistics"};
  BOOST_TEST(nearest_name("stat", options).value() == "statistics");
  BOOST_TEST(!nearest_name("save", options));
}

BOOST_AUTO_TEST_CASE(what_is_far_from_every_name_has_none) {
  const std::vector<std::string> options{"out", "sparsity", "h"};
  for (const char* typed : {"", "frobnicate", "x", "model", "in"})
    BOOST_TEST(!nearest_name(typed, options), typed);
  BOOST_TEST(!nearest_name("sparsity", {}));
}

BOOST_AUTO_TEST_CASE(numbers_are_no_mistyped_letters) {
  BOOST_TEST(!nearest_name("3:4", {"1:4", "2:4"}));
  BOOST_TEST(nearest_name("mixed:4", {"mixed:8", "2:4"}).value() == "mixed:8");
}

BOOST_AUTO_TEST_SUITE_END()
