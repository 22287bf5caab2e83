#include <tamp/token/attention_top_k.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_attention_top_k)

using support::indices;
using tamp::modality;
using tamp::token::attention_top_k;
using tamp::token::select;
using enum tamp::modality;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two heads, the last query alone; summed over heads: token 1: 0.5, 2: 0.3, 3: 0.5, 4: 0.4.
  const std::vector<modality> kinds{text, image, image, image, image, text};
  const std::vector<float> attention{0.1f, 0.25f, 0.2f, 0.0f, 0.3f, 0.15f,   //
                                     0.1f, 0.25f, 0.1f, 0.5f, 0.1f, 0.05f};  //
  const tamp::token::context c{.kinds = kinds, .attention = {attention, 2, 1, 6, 5}};
  const auto keep = [&](std::size_t count) { return select(c, attention_top_k{}, {count}).kept; };
  // Of tokens 1 and 3, which are equal, the lower index is dropped first.
  BOOST_TEST(keep(1) == (indices{0, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(keep(2) == (indices{0, 1, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(keep(3) == (indices{0, 1, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(attention_top_k{}, {.last_of_equals = true});
}

BOOST_AUTO_TEST_CASE(a_smaller_choice_is_part_of_a_larger_one) {
  const auto s = support::scene_of(support::around_image(2, 20, 3), 1);
  for (std::size_t keep = 0; keep < 20; ++keep) {
    const auto less = select(s.context(), attention_top_k{}, {keep}).kept;
    const auto more = select(s.context(), attention_top_k{}, {keep + 1}).kept;
    BOOST_TEST(std::includes(more.begin(), more.end(), less.begin(), less.end()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
