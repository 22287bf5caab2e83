#include <tamp/token/fitprune.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_fitprune)

using support::check_error;
using support::indices;
using tamp::modality;
using tamp::value_error;
using tamp::token::fitprune;
using tamp::token::select;
using enum tamp::modality;

namespace {

const std::vector<modality> kinds{image, image, image, text, text};
const std::vector<float> attention{1,     0,     0,     0,     0,       // head 0
                                   0.5f,  0.5f,  0,     0,     0,       //
                                   0.25f, 0.25f, 0.5f,  0,     0,       //
                                   0.25f, 0.5f,  0.13f, 0.12f, 0,       //
                                   0.13f, 0.25f, 0.25f, 0.25f, 0.12f,   //
                                   1,     0,     0,     0,     0,       // head 1
                                   0.25f, 0.75f, 0,     0,     0,       //
                                   0.5f,  0.25f, 0.25f, 0,     0,       //
                                   0.13f, 0.25f, 0.25f, 0.37f, 0,       //
                                   0.25f, 0.13f, 0.5f,  0,     0.12f};  //
// The heads' maximum, to the visual tokens:  1     0     0
//                                            0.5   0.75  0
//                                            0.5   0.25  0.5
//                                            0.25  0.5   0.25
//                                            0.25  0.25  0.5
const tamp::token::context five_tokens{.kinds = kinds, .attention = {attention, 2, 5}};

}  // namespace

BOOST_AUTO_TEST_CASE(statistics_by_hand) {
  const auto received = fitprune::statistics(five_tokens);
  BOOST_TEST(received.cross == (std::vector{0.25, 0.375, 0.375}), boost::test_tools::per_element());
  BOOST_TEST(received.self == (std::vector{2.0 / 3, 1.0 / 3, 0.5 / 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(by_hand) {
  const auto keep = [&](std::size_t count) {
    return select(five_tokens, fitprune{}, {count}).kept;
  };
  // The products are 1/6, 1/8 and 1/16: the words alone would drop token 0 first.
  BOOST_TEST(keep(2) == (indices{0, 1, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(keep(1) == (indices{0, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(keep(0) == (indices{3, 4}), boost::test_tools::per_element());
  BOOST_TEST(keep(3) == (indices{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(fitprune{}.label() == "fitprune");
}

// Only words after the last visual token ask, and only visual tokens are asked about.
BOOST_AUTO_TEST_CASE(words_between_two_images_do_not_ask) {
  const std::vector<modality> mixed{image, text, video, text};
  const std::vector<float> row_by_row{0.5f,  0,     0,      0,       //
                                      9,     9,     9,      9,       //
                                      0.25f, 0.5f,  0.125f, 0,       //
                                      0.5f,  0.25f, 0.25f,  0.25f};  //
  const auto received = fitprune::statistics({.kinds = mixed, .attention = {row_by_row, 1, 4}});
  BOOST_TEST(received.cross == (std::vector{0.5, 0.25}), boost::test_tools::per_element());
  BOOST_TEST(received.self == (std::vector{0.375, 0.0625}), boost::test_tools::per_element());
}

// Of a host with fused attention that runs again what is read.
BOOST_AUTO_TEST_CASE(rows_before_the_image_need_not_be_there) {
  const auto s = support::scene_of(support::around_image(4, 6, 2), 8);
  auto c = s.context();
  std::vector<float> rows;
  for (std::size_t head = 0; head < s.heads; ++head)
    for (std::size_t query = 4; query < s.tokens(); ++query)
      for (const float a : c.attention.row(head, query)) rows.push_back(a);
  c.attention = {rows, s.heads, 8, s.tokens(), 4};
  BOOST_TEST((select(c, fitprune{}, {3}) == select(s.context(), fitprune{}, {3})));
  BOOST_TEST((fitprune::statistics(c) == fitprune::statistics(s.context())));
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(fitprune{}, {.last_of_equals = true, .text_after = true});
}

BOOST_AUTO_TEST_CASE(a_sequence_that_ends_with_its_image_is_refused) {
  const std::string sentence = "fitprune: there is no token after the last visual one";
  const auto s = support::scene_of(support::around_image(2, 4, 0), 1);
  check_error<value_error>(sentence, [&] { select(s.context(), fitprune{}, {2}); });
  check_error<value_error>(sentence, [&] { fitprune::statistics(s.context()); });
  const auto words = support::scene_of(support::around_image(2, 0, 0), 1);
  check_error<value_error>(sentence, [&] { fitprune::statistics(words.context()); });
  // Nothing is asked if there is nothing to decide.
  BOOST_TEST(select(s.context(), fitprune{}, {4}).kept.size() == 6u);
  BOOST_TEST(select(s.context(), fitprune{}, {0}).kept.size() == 2u);
}

BOOST_AUTO_TEST_CASE(statistics_of_what_is_not_shown_are_refused) {
  auto s = support::scene_of(support::around_image(1, 3, 2), 1);
  check_error<value_error>(
      "fitprune reads the attention of the text after the last visual token and the attention of "
      "the visual tokens, which the context does not show",
      [&] { fitprune::statistics({.kinds = s.kinds}); });
  s.attention_of(0, 2, 1) = support::not_a_number;
  check_error<value_error>("fitprune: the attention of head 0, query 2 to token 1 is nan",
                           [&] { fitprune::statistics(s.context()); });
}

BOOST_AUTO_TEST_CASE(a_smaller_choice_is_part_of_a_larger_one) {
  const auto s = support::scene_of(support::around_image(2, 20, 3), 1);
  for (std::size_t keep = 0; keep < 20; ++keep) {
    const auto less = select(s.context(), fitprune{}, {keep}).kept;
    const auto more = select(s.context(), fitprune{}, {keep + 1}).kept;
    BOOST_TEST(std::includes(more.begin(), more.end(), less.begin(), less.end()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
