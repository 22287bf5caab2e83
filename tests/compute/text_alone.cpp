#include <tamp/compute/text_alone.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <tamp/error.hpp>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(compute_text_alone)

using tamp::compute::text_alone;

BOOST_AUTO_TEST_CASE(it_counts_blind_heads_and_knows_skipped_layers) {
  const text_alone alone{4, {{1, 0}, {1, 3}, {2, 2}}, {0, 3}};
  BOOST_TEST(alone.blind_in(0) == 0u);
  BOOST_TEST(alone.blind_in(1) == 2u);
  BOOST_TEST(alone.skips(3));
  BOOST_TEST(!alone.skips(1));
  BOOST_TEST(!alone.empty());
  BOOST_TEST(text_alone{}.empty());
}

BOOST_AUTO_TEST_CASE(it_says_what_is_done) {
  BOOST_TEST(text_alone{}.label() == "");
  BOOST_TEST((text_alone{4, {{1, 0}}, {}}.label() == "1 blind head"));
  BOOST_TEST(
      (text_alone{4, {{1, 0}, {2, 0}}, {0, 3}}.label() == "2 blind heads, layers 0 3 skipped"));
  BOOST_TEST((text_alone{0, {}, {5}}.label() == "layers 5 skipped"));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_out_of_order_is_refused) {
  const auto refused = [](const text_alone& alone, const std::string& sentence) {
    support::check_error<tamp::value_error>("text_alone: " + sentence, [&] { validate(alone, 4); });
  };
  BOOST_CHECK_NO_THROW(validate(text_alone{4, {{0, 3}, {1, 0}}, {0, 3}}, 4));
  BOOST_CHECK_NO_THROW(validate(text_alone{}, 0));
  refused({4, {{4, 0}}, {}}, "there is no head 0 in layer 4 of 4 layers with 4 heads");
  refused({4, {{0, 4}}, {}}, "there is no head 4 in layer 0 of 4 layers with 4 heads");
  refused({0, {{0, 0}}, {}}, "there is no head 0 in layer 0 of 4 layers with 0 heads");
  refused({4, {{1, 2}, {1, 2}}, {}},
          "blind heads ascend by layer and head, and head 2 of layer 1 is in place 1");
  refused({4, {{1, 2}, {0, 3}}, {}},
          "blind heads ascend by layer and head, and head 3 of layer 0 is in place 1");
  refused({0, {}, {4}},
          "layer 4 cannot be skipped in place 0: skipped layers ascend, and are below 4");
  refused({0, {}, {1, 1}},
          "layer 1 cannot be skipped in place 1: skipped layers ascend, and are below 4");
}

BOOST_AUTO_TEST_SUITE_END()
