#include <tamp/token/published_order.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <string>
#include <tamp/token/gather.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_published_order)

using support::check_error;
using support::matrix;
using tamp::token::in_published_order;
using tamp::token::selection;
using indices = std::vector<std::size_t>;

namespace {
constexpr std::size_t nowhere = selection::nowhere;
}

BOOST_AUTO_TEST_CASE(by_hand) {
  // Tokens 0, 2, 3 and 6 stay. The method puts 3, which token 1 joins, in the place of 2, and 6 in
  // that of 3. Token 4 is dropped, and 5 joins 2.
  const selection made{{0, 2, 3, 6}, {0, 2, 1, 2, nowhere, 1, 3}, {0, 2, 3, 1}, {1, 3}};
  const selection published = in_published_order(made);
  BOOST_TEST(published.kept == (indices{0, 3, 6, 2}), boost::test_tools::per_element());
  BOOST_TEST(published.into == (indices{0, 1, 3, 1, nowhere, 3, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(published.order.empty());
  BOOST_TEST(published.targets == (indices{2, 3}), boost::test_tools::per_element());
  BOOST_TEST((in_published_order(published) == published));

  matrix<float> hidden{{0}, {1}, {2}, {3}, {4}, {5}, {6}};
  tamp::token::merge_rows(hidden, published, {});
  const float expected[] = {0, 2, 6, 3.5f};
  for (std::size_t k = 0; k < 4; ++k) BOOST_TEST(hidden(k, 0) == expected[k]);
  BOOST_TEST(tamp::token::merged_sizes(published) == (std::vector<float>{1, 2, 1, 2}),
             boost::test_tools::per_element());
  indices positions{10, 11, 12, 13, 14, 15, 16};
  tamp::token::gather_elements(positions, published.kept);
  BOOST_TEST(positions == (indices{10, 13, 16, 12}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_an_order_nothing_changes) {
  const selection dropping{{1, 3}}, merging{{0, 2}, {0, 0, 1}, {}, {1}};
  BOOST_TEST((in_published_order(dropping) == dropping));
  BOOST_TEST((in_published_order(merging) == merging));
  BOOST_TEST((in_published_order({}) == selection{}));
}

BOOST_AUTO_TEST_CASE(rows_sizes_and_elements_are_those_of_the_ascending_selection_in_its_order) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    const std::size_t tokens = 1 + random() % 12;
    selection made;
    for (std::size_t t = 0; t < tokens; ++t)
      if (random() % 2 == 0 || t + 1 == tokens) made.kept.push_back(t);
    const std::size_t count = made.kept.size();
    for (std::size_t t = 0; t < tokens; ++t) made.into.push_back(random() % count);
    for (std::size_t k = 0; k < count; ++k) made.into[made.kept[k]] = k;
    made.order.resize(count);
    std::iota(made.order.begin(), made.order.end(), std::size_t{0});
    std::shuffle(made.order.begin(), made.order.end(), random);
    const selection published = in_published_order(made);
    const matrix<float> hidden = support::random_matrix(tokens, 3, unsigned(round));
    matrix<float> ascending = hidden, ordered = hidden;
    tamp::token::merge_rows(ascending, made, {});
    tamp::token::merge_rows(ordered, published, {});
    const auto sizes = tamp::token::merged_sizes(made),
               turned = tamp::token::merged_sizes(published);
    for (std::size_t k = 0; k < count; ++k) {
      BOOST_TEST(published.kept[k] == made.kept[made.order[k]]);
      BOOST_TEST(turned[k] == sizes[made.order[k]]);
      for (std::size_t j = 0; j < 3; ++j) BOOST_TEST(ordered(k, j) == ascending(made.order[k], j));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_order_is_refused) {
  const auto refuse = [](const selection& s, const std::string& sentence) {
    check_error<tamp::shape_error>("in_published_order: " + sentence,
                                   [&] { static_cast<void>(in_published_order(s)); });
  };
  refuse({{1, 2}, {}, {0}}, "the order has 1 places, and 2 tokens are kept");
  refuse({{1, 2}, {}, {0, 2}}, "entry 1 of the order is 2, of 2 kept tokens");
  refuse({{1, 2}, {}, {1, 1}}, "entry 1 of the order is 1, as one before it, of 2 kept tokens");
  refuse({{0, 1}, {0, 1, 2}, {1, 0}}, "place 2 is none of 2 kept tokens");
  refuse({{0, 1}, {0, 1}, {1, 0}, {7}}, "place 7 is none of 2 kept tokens");
}

BOOST_AUTO_TEST_SUITE_END()
