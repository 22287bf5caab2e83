#include <tamp/token/attention_received.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <string>
#include <tamp/token/visionzip.hpp>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_attention_received)

using support::check_error;
using tamp::token::attention_received;
using tamp::token::attention_view;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two heads, two queries (the last ones), four patches.
  const std::vector<float> numbers{1, 0, 2, 4, 3, 0, 0, 0, /* second head */ 0,
                                   2, 2, 0, 0, 0, 0, 8};
  const attention_view attention(numbers, 2, 2, 4, 2);
  BOOST_TEST(attention_received(attention) == (std::vector<float>{2, 1, 2, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(attention_received(attention, 2) == (std::vector<float>{3, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(attention_received(attention, 4) == (std::vector<float>{11}),
             boost::test_tools::per_element());
  BOOST_TEST(attention_received({}).empty());
  BOOST_TEST(attention_received({{}, 2, 0, 3, 0}) == (std::vector<float>{0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(attention_of_any_type_and_strides_is_received_alike) {
  const auto s = support::selectors::exact_scene(support::around_image(1, 6, 2), 4);
  const std::vector<float> expected = attention_received(s.context().attention, 3);
  support::selectors::in_every_form(s, [&](const tamp::token::context& c, const std::string& form) {
    BOOST_TEST((attention_received(c.attention, 3) == expected), form);
  });
}

BOOST_AUTO_TEST_CASE(its_row_decides_as_all_rows_do) {
  const tamp::token::visionzip policy{.contextual = 3};
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto s = support::scene_of(support::around_image(0, 20, 0), seed);
    const std::vector<float> received = attention_received(s.context().attention);
    auto c = s.context();
    c.attention = {received, 1, 1, 20, 0};
    for (const std::size_t keep : {4u, 9u, 19u})
      BOOST_TEST((tamp::token::select(c, policy, {keep}) ==
                  tamp::token::select(s.context(), policy, {keep})));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_summed_is_refused) {
  std::vector<float> numbers(12, 0.25f);
  const auto refuse = [&]<class Error>(Error*, const std::string& sentence, std::size_t patches) {
    check_error<Error>("attention_received: " + sentence, [&] {
      static_cast<void>(attention_received({numbers, 1, 3, 4, 1}, patches));
    });
  };
  tamp::shape_error* const shape = nullptr;
  tamp::value_error* const value = nullptr;
  refuse(shape, "attention to 4 patches is not to tokens of 3", 3);
  refuse(shape, "attention to 4 patches is not to tokens of 0", 0);
  check_error<tamp::shape_error>("attention_received: attention to 4 patches has no heads",
                                 [] { static_cast<void>(attention_received({{}, 0, 2, 4, 0})); });
  numbers[5] = support::not_a_number;
  refuse(value, "the attention of head 0, query 2 to patch 1 is nan", 1);
  numbers[5] = -1;
  refuse(value, "the attention of head 0, query 2 to patch 1 is -1", 1);
  numbers[1] = numbers[5] = std::numeric_limits<float>::max();
  refuse(value, "token 1 receives 6.805646932770577e+38, which is more than a float can hold", 1);
}

BOOST_AUTO_TEST_SUITE_END()
