#include <tamp/token/context.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../support/preconditions.hpp"

BOOST_AUTO_TEST_SUITE(token_context)

using tamp::modality;
using tamp::token::context;
using enum tamp::modality;

BOOST_AUTO_TEST_CASE(it_knows_its_visual_tokens_and_where_the_text_begins) {
  const std::vector<modality> kinds{text, image, audio, text, video, text, text};
  const std::vector<std::size_t> positions{0, 4, 5, 9, 11, 12, 13}, visual{1, 2, 4};
  const context c{.kinds = kinds, .positions = positions};
  BOOST_TEST(c.visual() == visual, boost::test_tools::per_element());
  BOOST_TEST(c.text_begin() == 5u);
  BOOST_TEST(c.position(3) == 9u);
  BOOST_TEST(context{.kinds = kinds}.position(3) == 3u);
  BOOST_TEST(context{}.text_begin() == 0u);
  const std::vector<modality> no_text{image, image}, no_image{text, text};
  BOOST_TEST(context{.kinds = no_text}.text_begin() == 2u);
  BOOST_TEST(context{.kinds = no_image}.text_begin() == 0u);
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_token_is_none) {
  const std::vector<modality> kinds(2, image);
  const context c{.kinds = kinds};
  support::check_aborts("context: token 2 of 2", [&] { (void)c.is_visual(2); });
  support::check_aborts("context: token 3 of 2", [&] { (void)c.position(3); });
}

BOOST_AUTO_TEST_SUITE_END()
