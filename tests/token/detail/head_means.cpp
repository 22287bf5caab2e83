#include <tamp/token/detail/head_means.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_head_means)

using support::matrix;
using tamp::detail::head_means;

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> keys{{1, 2, 3, 4}, {9, 9, 9, 9}, {0, -4, 8, 6}};
  const std::vector<std::size_t> tokens{0, 2};
  const std::vector<double> two{2, 3, 4, 1}, four{2.5, 2.5}, one{1, 2, 3, 4, 0, -4, 8, 6};
  BOOST_TEST(head_means("who", tamp::view(keys), tokens, 2) == two,
             boost::test_tools::per_element());
  BOOST_TEST(head_means("who", tamp::view(keys), tokens, 4) == four,
             boost::test_tools::per_element());
  BOOST_TEST(head_means("who", tamp::view(keys), tokens, 1) == one,
             boost::test_tools::per_element());
  BOOST_TEST(head_means("who", tamp::view(keys), {}, 2).empty());
  const matrix<float> no_features(3, 0);
  BOOST_TEST(head_means("who", tamp::view(no_features), tokens, 3).empty());
}

BOOST_AUTO_TEST_CASE(features_that_are_not_so_many_heads_are_refused) {
  const matrix<float> keys(3, 4);
  const std::vector<std::size_t> tokens{0};
  support::check_error<tamp::shape_error>("who: keys of 4 features are not 3 heads",
                                          [&] { head_means("who", tamp::view(keys), tokens, 3); });
  support::check_error<tamp::shape_error>("who: keys of 4 features are not 0 heads",
                                          [&] { head_means("who", tamp::view(keys), tokens, 0); });
}

BOOST_AUTO_TEST_SUITE_END()
