#include <tamp/stat/detail/token_weights.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_detail_token_weights)

using support::check_error;
using tamp::detail::equal_tokens;
using tamp::detail::weighted_tokens;

BOOST_AUTO_TEST_CASE(tokens_without_weights_all_count_one) {
  constexpr equal_tokens tokens(3);
  static_assert(!equal_tokens::have_weights);
  static_assert(tokens.size() == 3 && tokens.place(2) == 2 && tokens.weight(2) == 1.0);
  static_assert(tokens.total() == 3.0);
}

BOOST_AUTO_TEST_CASE(tokens_of_weight_zero_are_left_out) {
  const std::vector<double> weights{0, 0.5, -0.0, 2, 0};
  const weighted_tokens tokens("test", weights, 5);
  BOOST_TEST(tokens.size() == 2u);
  BOOST_TEST(tokens.place(0) == 1u);
  BOOST_TEST(tokens.place(1) == 3u);
  BOOST_TEST(tokens.weight(0) == 0.5);
  BOOST_TEST(tokens.weight(1) == 2.0);
  BOOST_TEST(tokens.total() == 2.5);
  BOOST_TEST(tokens.weights() == weights.data());
}

BOOST_AUTO_TEST_CASE(without_zeros_every_token_is_in_its_place) {
  const std::vector<double> weights{std::numeric_limits<double>::denorm_min(), 3};
  const weighted_tokens tokens("test", weights, 2);
  BOOST_TEST(tokens.size() == 2u);
  BOOST_TEST(tokens.place(1) == 1u);
  BOOST_TEST(tokens.weight(1) == 3.0);
}

BOOST_AUTO_TEST_CASE(no_tokens_have_no_weights) {
  BOOST_TEST(weighted_tokens("test", {}, 0).size() == 0u);
  BOOST_TEST(weighted_tokens("test", std::vector<double>(4, 0.0), 4).size() == 0u);
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_refused) {
  const auto make = [](std::vector<double> weights) {
    (void)weighted_tokens("test", weights, weights.size());
  };
  check_error<tamp::value_error>("test: the weight of token 1 is -0.5", [&] { make({0, -0.5}); });
  check_error<tamp::value_error>("test: the weight of token 0 is inf",
                                 [&] { make({support::infinity, -1}); });
  check_error<tamp::value_error>("test: the weight of token 2 is nan",
                                 [&] { make({1, 1, support::not_a_number}); });
  const std::vector<double> two{1, 1};
  check_error<tamp::shape_error>("test: the weights cover 2 tokens, there are 3",
                                 [&] { (void)weighted_tokens("test", two, 3); });
  check_error<tamp::shape_error>("test: the weights cover 0 tokens, there are 1",
                                 [] { (void)weighted_tokens("test", {}, 1); });
  check_error<tamp::shape_error>("test: 3 weights lie at a null pointer", [] {
    (void)weighted_tokens("test", std::span<const double>(static_cast<const double*>(nullptr), 3),
                          3);
  });
}

BOOST_AUTO_TEST_SUITE_END()
