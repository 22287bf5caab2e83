#include <tamp/token/sparsevlm_recycling.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <tamp/token/gather.hpp>
#include <tamp/token/published_order.hpp>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_sparsevlm_recycling)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::select;
using tamp::token::selection;
using tamp::token::sparsevlm;
using tamp::token::sparsevlm_recycling;
using enum tamp::modality;

namespace {

// One head and one word, which attends to the visual tokens with the scores.
struct rated {
  std::vector<modality> kinds;
  std::vector<float> attention;
  matrix<float> hidden;

  rated(const std::vector<float>& scores, matrix<float> rows)
      : kinds(scores.size(), image), attention(scores), hidden(std::move(rows)) {
    kinds.push_back(text);
    attention.push_back(0);
  }
  tamp::token::context context() const {
    return {.kinds = kinds,
            .attention = {attention, 1, 1, kinds.size(), kinds.size() - 1},
            .hidden = tamp::view(hidden)};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Token 4 is kept. Of the nine others floor(2.7) + 1 = 3 are recycled, 1, 6 and 8, into one
  // cluster. With one cluster all are equally dense, and the first is its centre.
  const rated r({.1f, .5f, .2f, .2f, .9f, .1f, .6f, .3f, .7f, .2f},
                {{0}, {3}, {0}, {0}, {9}, {0}, {6}, {0}, {12}, {0}, {1}});
  const auto made = select(r.context(), sparsevlm_recycling{}, {.keep = 2});
  BOOST_TEST(made.kept == (indices{1, 4, 10}), boost::test_tools::per_element());
  constexpr std::size_t gone = selection::nowhere;
  BOOST_TEST(made.into == (indices{gone, 0, gone, gone, 1, gone, 0, gone, 0, gone, 2}),
             boost::test_tools::per_element());
  matrix<float> hidden = r.hidden;
  tamp::token::merge_rows(tamp::view(hidden), made, {});
  BOOST_TEST(hidden(0, 0) == 7);  // the mean of 3, 6 and 12
  BOOST_TEST(hidden(1, 0) == 9);
  BOOST_TEST(hidden(2, 0) == 1);
  matrix<float> published = r.hidden;
  sparsevlm_recycling{}.merge_rows(tamp::view(published), made);
  BOOST_TEST(published(0, 0) == float(21 / 3.000001));
  BOOST_TEST(published(1, 0) == 9);
  BOOST_TEST(published(2, 0) == 1);
}

BOOST_AUTO_TEST_CASE(rows_of_other_selections_are_refused) {
  const rated r({.1f, .5f, .2f, .9f}, {{0}, {3}, {0}, {9}, {1}});
  const auto made = select(r.context(), sparsevlm_recycling{}, {.keep = 2});
  matrix<float> longer(6, 1, 5);
  support::check_error<tamp::shape_error>(
      "sparsevlm_recycling: the selection covers 5 tokens, the tensor 6",
      [&] { sparsevlm_recycling{}.merge_rows(tamp::view(longer), made); });
  auto wrong = made;
  wrong.targets = {3};
  support::check_error<tamp::shape_error>(
      "sparsevlm_recycling: target 3 is none of 3 kept tokens",
      [&] { sparsevlm_recycling{}.merge_rows(tamp::view(longer), wrong); });
  for (std::size_t t = 0; t < 6; ++t) BOOST_TEST(longer(t, 0) == 5);
}

BOOST_AUTO_TEST_CASE(new_tokens_are_targets_and_come_last_in_the_published_order) {
  // Token 0 is kept. Of 33 others 10 are recycled, 1 ... 10, in two clusters: 1 ... 3, and 4 ... 10,
  // which are denser, so that their centre comes first.
  std::vector<float> scores;
  matrix<float> rows(35, 1);
  for (std::size_t t = 0; t < 34; ++t) {
    scores.push_back(float(34 - t) / 600);
    rows(t, 0) = t < 4 ? 10 + float(t) : 0.25f * float(t);
  }
  const auto made = select(rated(scores, rows).context(), sparsevlm_recycling{}, {.keep = 3});
  BOOST_TEST(made.kept.size() == 4u);
  BOOST_TEST(made.kept.front() == 0u);
  BOOST_TEST(made.kept[1] < 4u);
  BOOST_TEST(made.kept[2] >= 4u);
  BOOST_TEST(made.targets == (indices{1, 2}), boost::test_tools::per_element());
  const auto arranged = tamp::token::in_published_order(made);
  BOOST_TEST(arranged.kept == (indices{0, made.kept[2], made.kept[1], 34}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_published_counts_of_recycled_tokens_and_clusters) {
  const auto count = [](std::size_t dropped) {
    return indices{sparsevlm_recycling::published_recycled(dropped),
                   sparsevlm_recycling::published_clusters(dropped)};
  };
  BOOST_TEST(count(0) == (indices{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(count(1) == (indices{1, 1}), boost::test_tools::per_element());
  BOOST_TEST(count(29) == (indices{9, 1}), boost::test_tools::per_element());
  BOOST_TEST(count(30) == (indices{10, 2}), boost::test_tools::per_element());
  BOOST_TEST(count(276) == (indices{83, 9}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(as_many_as_the_count_allows_are_kept_by_their_scores) {
  for (const std::size_t visual : {2u, 11u, 40u, 75u}) {
    const auto s = support::scene_of(support::around_image(2, visual, 3), unsigned(visual));
    for (std::size_t keep = 1; keep < visual; ++keep) {
      const auto made = select(s.context(), sparsevlm_recycling{}, {keep});
      std::size_t by_score = 0;  // the largest number that fits, by trying all
      for (std::size_t k = 0; k < keep; ++k)
        if (k + sparsevlm_recycling::published_clusters(visual - k) <= keep) by_score = k;
      const std::size_t dropped = visual - by_score;
      const std::size_t recycled =
          std::max(sparsevlm_recycling::published_recycled(dropped), keep - by_score);
      std::size_t part = 0;
      for (const std::size_t t : s.visual()) part += made.into[t] != selection::nowhere;
      BOOST_TEST(part == by_score + recycled);
      // The tokens kept by score are those of the rating alone, and alone in their places.
      const auto best = select(s.context(), sparsevlm{}, {by_score}).kept;
      for (const std::size_t t : best) {
        BOOST_TEST(std::binary_search(made.kept.begin(), made.kept.end(), t));
        BOOST_TEST(std::count(made.into.begin(), made.into.end(), made.into[t]) == 1);
      }
      // The tokens that are part of something are those that the rating alone keeps of so many.
      const auto all = select(s.context(), sparsevlm{}, {by_score + recycled}).kept;
      for (std::size_t t = 0; t < s.tokens(); ++t)
        BOOST_TEST((made.into[t] != selection::nowhere) ==
                   std::binary_search(all.begin(), all.end(), t));
    }
  }
}

BOOST_AUTO_TEST_CASE(clusters_are_as_many_as_the_host_says) {
  const auto s = support::scene_of(support::around_image(0, 60, 4), 3);
  for (const std::size_t clusters : {0u, 1u, 4u, 20u}) {
    const auto made = select(s.context(), sparsevlm_recycling{.clusters = clusters}, {20});
    support::check_selection(s, made, 20);
    const auto best = select(s.context(), sparsevlm{}, {20 - clusters}).kept;
    BOOST_TEST(std::includes(made.kept.begin(), made.kept.end(), best.begin(), best.end()));
  }
  support::check_error<tamp::value_error>(
      "sparsevlm_recycling 21: 20 tokens that stay are not 21 clusters",
      [&] { select(s.context(), sparsevlm_recycling{.clusters = 21}, {20}); });
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(sparsevlm_recycling{}, {.order_matters = true});
  support::check_selector(sparsevlm_recycling{.clusters = 1}, {.order_matters = true});
}

BOOST_AUTO_TEST_CASE(raters_that_were_found_before_are_named_by_their_positions) {
  auto s = support::scene_of(support::around_image(2, 30, 4), 5);
  const indices found = sparsevlm::raters(s.context());
  const auto expected = select(s.context(), sparsevlm_recycling{}, {9});
  BOOST_TEST((select(s.context(), sparsevlm_recycling{found}, {9}) == expected));
  // After a drop the words stand elsewhere. Their hidden states are no longer read.
  for (std::size_t t = 32; t < 36; ++t) {
    s.positions[t] += 100;
    s.hidden(t, 0) = support::not_a_number;
  }
  indices moved = found;
  for (std::size_t& t : moved) t += 100;
  BOOST_TEST((select(s.context(), sparsevlm_recycling{moved}, {9}) == expected));
  support::check_error<tamp::value_error>(
      "sparsevlm_recycling: the rater at position 5 is none of the tokens after the last visual "
      "one",
      [&] { select(s.context(), sparsevlm_recycling{{5}}, {9}); });
}

BOOST_AUTO_TEST_SUITE_END()
