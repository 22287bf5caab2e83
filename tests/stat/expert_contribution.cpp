#include <tamp/stat/expert_contribution.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_expert_contribution)

using numbers = std::vector<double>;
using support::matrix;
using tamp::stat::expert_contribution;

BOOST_AUTO_TEST_CASE(by_hand) {
  expert_contribution seen(3);
  seen.add(0, numbers{0.5, 1}, matrix<float>{{3, 4}, {0, 2}});  // 2.5 and 2
  seen.add(2, numbers{0.25}, matrix<float>{{6, 8}});
  BOOST_TEST(seen.scores() == (numbers{2.25, 0, 2.5}), boost::test_tools::per_element());
  BOOST_TEST(seen.tokens() == (std::vector<std::uint64_t>{2, 0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(parts_are_combined_as_if_added_here) {
  const matrix<float> y = support::random_matrix(6, 4, 1);
  const numbers gates{0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  expert_contribution whole(2), first(2), second(2), none;
  whole.add(1, gates, y);
  first.add(1, numbers(gates.begin(), gates.begin() + 2), tamp::view(y.data(), 2, 4));
  second.add(1, numbers(gates.begin() + 2, gates.end()), tamp::view(y.data() + 8, 4, 4));
  none.combine(first).combine(second).combine(expert_contribution());
  BOOST_TEST(none.scores()[1] == whole.scores()[1], boost::test_tools::tolerance(1e-14));
  BOOST_TEST((none.tokens() == whole.tokens()));
}

BOOST_AUTO_TEST_CASE(layouts_give_the_same_bits) {
  const matrix<float> y = support::random_matrix(9, 5, 2);
  const numbers gates(9, 0.7);
  const auto expected = expert_contribution(1).add(0, gates, y);
  support::in_every_layout(y, [&](const auto& m) {
    BOOST_TEST((expert_contribution(1).add(tamp::execute::sequential{}, 0, gates, m) == expected));
  });
  BOOST_TEST((expert_contribution(1).add(0, gates, support::readable_rows{y}) == expected));
}

BOOST_AUTO_TEST_CASE(fields_are_all_there_is) {
  expert_contribution seen(2), copy;
  seen.add(1, numbers{1}, matrix<float>{{2}});
  std::vector<numbers> values;
  expert_contribution::fields(seen, [&](auto&&, const numbers& v) { values.push_back(v); });
  std::size_t next = 0;
  expert_contribution::fields(copy, [&](auto&&, numbers& v) { v = values[next++]; });
  copy.validate();
  BOOST_TEST((copy == seen));
  const auto refused = [](numbers sums, numbers tokens, std::string_view sentence) {
    expert_contribution broken;
    bool is_first = true;
    expert_contribution::fields(broken, [&](auto&&, numbers& v) {
      v = is_first ? sums : tokens;
      is_first = false;
    });
    support::check_error<tamp::value_error>(sentence, [&] { broken.validate(); });
  };
  refused({1}, {1, 2}, "expert_contribution: 1 sums, and tokens of 2 experts");
  refused({1}, {0.5}, "expert_contribution: expert 0 saw 0.5 tokens");
  refused({1}, {-1}, "expert_contribution: expert 0 saw -1 tokens");
  refused({1}, {0}, "expert_contribution: the contributions of expert 0 over 0 tokens sum up to 1");
  refused({NAN}, {1},
          "expert_contribution: the contributions of expert 0 over 1 tokens sum up to nan");
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong_and_add_nothing) {
  expert_contribution seen(2);
  const matrix<float> y{{1, 2}};
  support::check_error<tamp::shape_error>("expert_contribution: there is no expert 2 of 2",
                                          [&] { seen.add(2, numbers{1}, y); });
  support::check_error<tamp::shape_error>("expert_contribution: 2 gates for 1 tokens",
                                          [&] { seen.add(0, numbers{1, 1}, y); });
  support::check_error<tamp::value_error>("expert_contribution: the gate of token 0 is -1",
                                          [&] { seen.add(0, numbers{-1}, y); });
  support::check_error<tamp::value_error>(
      "expert_contribution: the output of token 0, feature 1 is inf",
      [&] { seen.add(0, numbers{1}, matrix<float>{{1, INFINITY}}); });
  support::check_error<tamp::value_error>(
      "expert_contribution: the squares of token 0 are too large to be summed",
      [&] { seen.add(0, numbers{1}, matrix<double>{{1e200}}); });
  support::check_error<tamp::value_error>(
      "expert_contribution: the contributions of expert 0 are too large to be summed",
      [&] { seen.add(0, numbers{1e308}, matrix<double>{{10}}); });
  support::check_error<tamp::shape_error>(
      "expert_contribution: the statistics to combine cover 3 experts, these 2",
      [&] { seen.combine(expert_contribution(3)); });
  BOOST_TEST((seen == expert_contribution(2)));
  // No tokens, no change.
  seen.add(0, numbers{}, matrix<float>(0, 2));
  BOOST_TEST((seen == expert_contribution(2)));
}

BOOST_AUTO_TEST_SUITE_END()
