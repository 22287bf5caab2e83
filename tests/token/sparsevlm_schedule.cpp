#include <tamp/token/sparsevlm_schedule.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(token_sparsevlm_schedule)

using tamp::token::sparsevlm_recycling;
using tamp::token::sparsevlm_schedule;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Of 576, 300 are kept, 276 dropped, 83 recycled into 9: 309 stay. 200 of these are kept, 109
  // dropped, 33 recycled into 4; then 110, 94, 29 and 3.
  const auto s = sparsevlm_schedule{}(32, 576);
  BOOST_TEST(s.drops.size() == 32u);
  BOOST_TEST(s.leave == tamp::token::departure::after_layer);
  BOOST_TEST(s.left(576, 1) == 576u);
  BOOST_TEST(s.left(576, 2) == 309u);
  BOOST_TEST(s.left(576, 6) == 204u);
  BOOST_TEST(s.left(576, 15) == 113u);
  BOOST_TEST(s.left(576, 31) == 113u);
}

BOOST_AUTO_TEST_CASE(the_second_version_makes_no_new_tokens) {
  const auto s = sparsevlm_schedule{.tokens = 128, .version = 2}(32, 576);
  BOOST_TEST(s.left(576, 2) == 238u);
  BOOST_TEST(s.left(576, 6) == 108u);
  BOOST_TEST(s.left(576, 15) == 60u);
}

BOOST_AUTO_TEST_CASE(the_mean_over_the_layers_is_nearly_what_the_row_is_called) {
  for (const int version : {1, 2})
    for (const std::size_t tokens : {64u, 96u, 128u, 192u}) {
      const auto s = sparsevlm_schedule{tokens, version}(32, 576);
      double sum = 0;
      for (std::size_t l = 0; l < 32; ++l) sum += double(s.left(576, l)) / 32;
      BOOST_TEST(sum > 0.95 * double(tokens));
      BOOST_TEST(sum < 1.08 * double(tokens));
    }
}

BOOST_AUTO_TEST_CASE(recycling_divides_these_counts_as_published) {
  // The tokens that sparsevlm_recycling keeps by scores, when it is asked for the count of a layer.
  for (const std::size_t tokens : {64u, 96u, 128u, 192u}) {
    const sparsevlm_schedule published{tokens};
    std::size_t visual = 576;
    for (const std::size_t kept : published.kept()) {
      const std::size_t count = kept + sparsevlm_recycling::published_clusters(visual - kept);
      BOOST_TEST((kept + 1 + sparsevlm_recycling::published_clusters(visual - kept - 1) > count));
      visual = count;
    }
  }
}

BOOST_AUTO_TEST_CASE(new_tokens_are_counted_where_the_count_that_stays_does_not_tell) {
  BOOST_TEST(sparsevlm_schedule{}.clusters(576) == (std::array<std::size_t, 3>{9, 4, 3}),
             boost::test_tools::per_element());
  BOOST_TEST((sparsevlm_schedule{192, 2}.clusters(576) == std::array<std::size_t, 3>{}));
  BOOST_TEST((sparsevlm_schedule{}.clusters(0) == std::array<std::size_t, 3>{}));
  // Of 196, 66 are kept and 130 dropped, 40 recycled into 5. 67 kept, 129 dropped and 39 recycled
  // into 4 are as many.
  BOOST_TEST(sparsevlm_schedule{64}.clusters(196)[0] == 5u);
  BOOST_TEST(sparsevlm_schedule{64}(16, 196).left(196, 2) == 71u);
  BOOST_TEST(67 + sparsevlm_recycling::published_clusters(196 - 67) == 71u);
  // In all, kept and new ones are what stays.
  for (const std::size_t tokens : {64u, 96u, 128u, 192u})
    for (std::size_t visual = 1; visual < 700; ++visual) {
      const sparsevlm_schedule published{tokens};
      const auto s = published(16, visual);
      std::size_t before = visual;
      for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t by_score = std::min(published.kept()[k], before - 1);
        const std::size_t stay = by_score + published.clusters(visual)[k];
        BOOST_TEST((published.clusters(visual)[k] ==
                    sparsevlm_recycling::published_clusters(before - by_score)));
        BOOST_TEST((s.left(visual, sparsevlm_schedule::layers_of_drops[k]) == stay));
        before = stay;
      }
    }
}

BOOST_AUTO_TEST_CASE(few_visual_tokens_lose_no_more_than_they_have) {
  for (std::size_t visual = 0; visual < 40; ++visual) {
    const auto second = sparsevlm_schedule{64, 2}(16, visual);  // at least one leaves each time
    BOOST_TEST(second.left(visual, 15) == (visual < 3 ? 0 : std::min<std::size_t>(visual - 3, 20)));
    const auto first = sparsevlm_schedule{64, 1}(16, visual);
    BOOST_TEST(first.left(visual, 15) <= visual);
    BOOST_TEST((first.left(visual, 15) > 0) == (visual > 0));
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_published_is_refused) {
  support::check_error<tamp::value_error>(
      "sparsevlm_schedule: counts are published for 192, 128, 96 and 64 tokens, not for 100",
      [] { sparsevlm_schedule{.tokens = 100}(32, 576); });
  support::check_error<tamp::value_error>("sparsevlm_schedule: there is no version 3",
                                          [] { sparsevlm_schedule{.version = 3}(32, 576); });
  support::check_error<tamp::value_error>("sparsevlm_schedule: of 15 layers none is layer 15",
                                          [] { sparsevlm_schedule{}(15, 576); });
}

BOOST_AUTO_TEST_SUITE_END()
