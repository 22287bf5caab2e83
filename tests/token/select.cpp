#include <tamp/token/select.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/tome.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/executors.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_select)

using support::check_error;
using support::indices;
using tamp::modality;
using tamp::observable;
using tamp::token::context;
using tamp::token::select;
using tamp::token::selection;
using enum tamp::modality;

namespace {

constexpr std::size_t nowhere = selection::nowhere;

// A user's policy that drops: it keeps the tokens of largest relevance.
struct most_relevant {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    std::vector<std::size_t> best(candidates.begin(), candidates.end());
    std::sort(best.begin(), best.end(),
              [&](std::size_t a, std::size_t b) { return c.relevance[a] > c.relevance[b]; });
    best.resize(count);
    return best;
  }
};

// A user's policy that merges: the first tokens stay, and the others become part of the last that
// stays, but for the very last, which is dropped.
struct into_the_last {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;

  tamp::token::merging merge(const context&, std::span<const std::size_t> candidates,
                             std::size_t count) const {
    std::vector<std::size_t> destination(candidates.begin(), candidates.end());
    for (std::size_t k = count; k < destination.size(); ++k) destination[k] = candidates[count - 1];
    destination.back() = nowhere;
    return {destination};
  }
};

// They answer what they are told to.
struct saying {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;
  std::vector<std::size_t> answer;

  std::string label() const { return "saying"; }
  std::vector<std::size_t> operator()(const context&, std::span<const std::size_t>,
                                      std::size_t) const {
    return answer;
  }
};
struct merging {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;
  tamp::token::merging answer;

  std::string label() const { return "merging"; }
  tamp::token::merging merge(const context&, std::span<const std::size_t>, std::size_t) const {
    return answer;
  }
};

// The candidates that stay are the first, from the last of them to the first. Those at odd places
// are targets.
struct backwards {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;

  tamp::token::merging merge(const context& c, std::span<const std::size_t> candidates,
                             std::size_t count) const {
    tamp::token::merging answer = into_the_last{}.merge(c, candidates, count);
    for (std::size_t k = count; k-- != 0;) {
      answer.order.push_back(candidates[k]);
      if (k % 2 == 1) answer.targets.push_back(candidates[k]);
    }
    return answer;
  }
};

// It notes what it is asked.
struct asking {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;
  std::vector<std::pair<std::vector<std::size_t>, std::size_t>>* asked;

  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    asked->emplace_back(std::vector<std::size_t>(candidates.begin(), candidates.end()), count);
    return most_relevant{}(c, candidates, count);
  }
};

struct without_reads {
  using role = tamp::role::token;
  std::vector<std::size_t> operator()(const context&, std::span<const std::size_t>,
                                      std::size_t) const;
};

static_assert(tamp::token::dropping_policy<most_relevant>);
static_assert(!tamp::token::merging_policy<most_relevant>);
static_assert(tamp::token::merging_policy<into_the_last>);
static_assert(!tamp::token::token_policy<without_reads>);
static_assert(!tamp::token::token_policy<int>);

const std::vector<modality> kinds{text, image, image, text, image, image, image, text};
const std::vector<float> relevance{9, 1, 5, 9, 2, 4, 3, 9};

}  // namespace

BOOST_AUTO_TEST_CASE(a_users_own_policy_drops) {
  const context c{.kinds = kinds, .relevance = relevance};
  const auto made = select(c, most_relevant{}, {.keep = 3});
  BOOST_TEST(made.kept == (indices{0, 2, 3, 5, 6, 7}), boost::test_tools::per_element());
  BOOST_TEST(!made.merges());
  BOOST_TEST((made == selection{{0, 2, 3, 5, 6, 7}, {}}));
}

BOOST_AUTO_TEST_CASE(a_users_own_policy_merges) {
  const auto made = select({.kinds = kinds}, into_the_last{}, {.keep = 2});
  BOOST_TEST(made.kept == (indices{0, 1, 2, 3, 7}), boost::test_tools::per_element());
  BOOST_TEST(made.into == (indices{0, 1, 2, 3, 2, 2, nowhere, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(made.merges());
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_where_nothing_is_to_decide) {
  std::vector<std::pair<std::vector<std::size_t>, std::size_t>> asked;
  const context c{.kinds = kinds, .relevance = relevance};
  for (const std::size_t keep : {0u, 5u, 6u, 1000u}) {
    const auto made = select(c, asking{&asked}, {.keep = keep});
    BOOST_TEST(made.kept.size() == (keep == 0 ? 3u : 8u));
  }
  BOOST_TEST(asked.empty());
  // Of a policy that merges, what is dropped is nowhere.
  const auto none = select({.kinds = kinds}, into_the_last{}, {.keep = 0});
  BOOST_TEST(none.into == (indices{0, nowhere, nowhere, 1, nowhere, nowhere, nowhere, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_policy_that_answers_wrongly_is_named) {
  const context c{.kinds = kinds};
  const auto drop = [&](const std::string& sentence, std::vector<std::size_t> answer) {
    check_error<tamp::value_error>(sentence, [&] { select(c, saying{answer}, {.keep = 2}); });
  };
  drop("saying: 1 tokens stay instead of 2", {4});
  drop("saying: 3 tokens stay instead of 2", {4, 5, 1});
  drop("saying: 1 tokens stay instead of 2", {4, 4});
  drop("saying: 0 tokens stay instead of 2", {});
  drop("saying: token 3 was none of the candidates", {4, 3});
  drop("saying: token 99 was none of the candidates", {99, 4});

  check_error<tamp::shape_error>("merging: 5 candidates, but 4 answers",
                                 [&] { select(c, merging{{{1, 2, 1, 2}}}, {.keep = 2}); });
  const auto merge = [&](const std::string& sentence, tamp::token::merging answer) {
    check_error<tamp::value_error>(sentence, [&] { select(c, merging{answer}, {.keep = 2}); });
  };
  merge("merging: token 6 is merged into 5, which does not stay", {{1, 2, 1, 2, 5}});
  merge("merging: token 5 is merged into 4, which does not stay", {{1, 2, nowhere, 4, 1}});
  merge("merging: token 3 was none of the candidates", {{1, 2, 3, 1, 1}});
  merge("merging: 3 tokens stay instead of 2", {{1, 2, 4, 1, 1}});
  merge("merging: 1 tokens stay instead of 2", {{1, 1, 1, 1, 1}});
  const std::vector<std::size_t> one_two{1, 2, 1, 1, 2};
  merge("merging: 1 tokens are in order, but 2 stay", {one_two, {2}});
  merge("merging: token 2 is twice among the tokens in order", {one_two, {2, 2}});
  merge("merging: token 4 is among the tokens in order, but does not stay", {one_two, {2, 4}});
  merge("merging: token 3 was none of the candidates", {one_two, {1, 2, 3}});
  merge("merging: token 1 is twice among the targets", {one_two, {}, {1, 1}});
  merge("merging: token 6 is among the targets, but does not stay", {one_two, {}, {6}});
  merge("merging: token 9 was none of the candidates", {one_two, {2, 1}, {9}});
}

BOOST_AUTO_TEST_CASE(the_order_is_that_of_the_policy_with_text_in_its_place) {
  // Visual tokens are 1, 2, 4, 5, 6. Of 1, 2 and 4, which stay, 4 takes the place of 1.
  const auto made = select({.kinds = kinds}, backwards{}, {.keep = 3});
  BOOST_TEST(made.kept == (indices{0, 1, 2, 3, 4, 7}), boost::test_tools::per_element());
  BOOST_TEST(made.order == (indices{0, 4, 2, 3, 1, 5}), boost::test_tools::per_element());
  BOOST_TEST(made.targets == (indices{2}), boost::test_tools::per_element());
  // An order that changes nothing is none.
  const auto ascending = select({.kinds = kinds}, merging{{{1, 2, 1, 1, 2}, {1, 2}}}, {.keep = 2});
  BOOST_TEST(ascending.order.empty());
  BOOST_TEST(select({.kinds = kinds}, backwards{}, {.keep = 5}).order.empty());  // nobody is asked
  // The second image, 4, 5, 6, would keep one token, and keeps two by a decision of its own. Then
  // places change within the images alone.
  const std::vector<modality> last{image, image, image, text, image, image, image};
  const auto two = select({.kinds = last}, backwards{}, {.keep = 4, .minimum_per_image = 2});
  BOOST_TEST(two.kept == (indices{0, 1, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(two.order == (indices{1, 0, 2, 4, 3}), boost::test_tools::per_element());
  BOOST_TEST(two.targets == (indices{1, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_context_that_contradicts_itself_is_refused_by_name) {
  const std::vector<float> four(4);
  check_error<tamp::shape_error>("saying: the relevances cover 4 tokens, the kinds 8", [&] {
    select({.kinds = kinds, .relevance = four}, saying{{1}}, {.keep = 1});
  });
}

BOOST_AUTO_TEST_CASE(images_keep_their_minimum_by_hand) {
  // Runs of images: {1, 2} and {4, 5, 6}. Best are 2 and 5, then 6, 4, 1.
  std::vector<std::pair<std::vector<std::size_t>, std::size_t>> asked;
  const std::vector<float> mostly_second{9, 1, 2, 9, 5, 4, 3, 9};
  const context c{.kinds = kinds, .relevance = mostly_second};
  const auto keep = [&](std::size_t count, std::size_t minimum) {
    asked.clear();
    return select(c, asking{&asked}, {.keep = count, .minimum_per_image = minimum}).kept;
  };
  BOOST_TEST(keep(3, 0) == (indices{0, 3, 4, 5, 6, 7}), boost::test_tools::per_element());
  BOOST_TEST(asked.size() == 1u);
  // The first image would lose all: it keeps one, and the second is asked anew for two.
  BOOST_TEST(keep(3, 1) == (indices{0, 2, 3, 4, 5, 7}), boost::test_tools::per_element());
  BOOST_TEST_REQUIRE(asked.size() == 3u);
  BOOST_TEST(asked[1].first == (indices{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(asked[1].second == 1u);
  BOOST_TEST(asked[2].first == (indices{4, 5, 6}), boost::test_tools::per_element());
  BOOST_TEST(asked[2].second == 2u);
  // An image of two has no third token to keep.
  BOOST_TEST(keep(5, 3).size() == 8u);
  BOOST_TEST(keep(4, 2) == (indices{0, 1, 2, 3, 4, 5, 7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(settling_one_image_can_leave_another_too_small) {
  // Three images of four. The best six are all of the first and two of the second; the third must
  // have two, which the second loses, and then it must have two of its own.
  std::vector<modality> three;
  std::vector<float> scores;
  for (int i = 0; i < 3; ++i) {
    three.insert(three.end(), 4, image);
    three.push_back(text);
    for (int k = 0; k < 4; ++k) scores.push_back(float(100 - 10 * i - k));
    scores.push_back(0);
  }
  const context c{.kinds = three, .relevance = scores};
  const auto made = select(c, most_relevant{}, {.keep = 6, .minimum_per_image = 2});
  BOOST_TEST(made.kept == (indices{0, 1, 4, 5, 6, 9, 10, 11, 14}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(frames_keep_their_minimum) {
  // A video of three frames of two tokens and an image of three. The best are in the first frame.
  std::vector<modality> both(6, video);
  both.insert(both.end(), {text, image, image, image});
  const std::vector<float> scores{9, 8, 7, 6, 5, 4, 0, 3, 2, 1};
  const std::vector<tamp::token::grid> grids{{3, 1, 2}, {1, 1, 3}};
  const context c{.kinds = both, .relevance = scores, .grids = grids};
  BOOST_TEST(select(c, most_relevant{}, {.keep = 5, .minimum_per_frame = 1}).kept ==
                 (indices{0, 1, 2, 4, 6, 7}),
             boost::test_tools::per_element());
  BOOST_TEST(select(c, most_relevant{}, {.keep = 8, .minimum_per_frame = 2}).kept.size() == 9u);
  check_error<tamp::value_error>("custom: 4 frames of at least 2 tokens do not fit into 7", [&] {
    select(c, most_relevant{}, {.keep = 7, .minimum_per_frame = 2});
  });
  check_error<tamp::value_error>(
      "custom: a minimum of each image and one of each frame are two rules: give one", [&] {
        select(c, most_relevant{}, {.keep = 7, .minimum_per_image = 1, .minimum_per_frame = 1});
      });
}

BOOST_AUTO_TEST_CASE(frames_keep_numbers_of_their_own) {
  std::vector<modality> both(6, video);
  both.insert(both.end(), {text, image, image, image});
  const std::vector<float> scores{9, 8, 7, 6, 5, 4, 0, 3, 2, 1};
  const std::vector<tamp::token::grid> grids{{3, 1, 2}, {1, 1, 3}};
  const context c{.kinds = both, .relevance = scores, .grids = grids};
  std::vector<std::pair<std::vector<std::size_t>, std::size_t>> asked;
  const std::vector<std::size_t> counts{1, 0, 2, 2};
  BOOST_TEST(select(c, asking{&asked}, {.keep = 5, .per_frame = counts}).kept ==
                 (indices{0, 4, 5, 6, 7, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(asked.size() == 2u);  // all and none of a frame are no questions
  // A policy that merges does so within a frame.
  const auto merged = select(c, into_the_last{}, {.keep = 5, .per_frame = counts});
  BOOST_TEST(merged.into == (indices{0, nowhere, nowhere, nowhere, 1, 2, 3, 4, 5, nowhere}),
             boost::test_tools::per_element());

  const auto refuse = [&](const auto error, const std::string& sentence,
                          const std::vector<std::size_t>& numbers, std::size_t minimum = 0) {
    check_error<std::remove_cvref_t<decltype(error)>>(sentence, [&] {
      select(c, most_relevant{}, {.keep = 5, .minimum_per_frame = minimum, .per_frame = numbers});
    });
  };
  refuse(tamp::shape_error(""), "custom: 3 numbers of frames, but 4 frames", {1, 2, 2});
  refuse(tamp::value_error(""), "custom: 3 tokens of frame 1 are to stay, of 2", {0, 3, 0, 2});
  refuse(tamp::value_error(""),
         "custom: the numbers of frames add up to 6, and 5 tokens are to stay", {2, 2, 2, 0});
  refuse(tamp::value_error(""), "custom: each frame has a number of its own, and no minimum",
         {2, 1, 2, 0}, 1);
}

// It prepares once, and then answers.
struct preparing {
  using role = tamp::role::token;
  static constexpr observable reads = observable::none;
  std::size_t* prepared;

  auto prepare(const context& c) const {
    ++*prepared;
    return [&c](std::span<const std::size_t> candidates, std::size_t count) {
      return most_relevant{}(c, candidates, count);
    };
  }
  std::vector<std::size_t> operator()(const context& c, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return prepare(c)(candidates, count);
  }
};
static_assert(tamp::token::preparing_policy<preparing>);
static_assert(!tamp::token::preparing_policy<most_relevant>);

BOOST_AUTO_TEST_CASE(a_policy_prepares_once_however_often_it_is_asked) {
  const context c{.kinds = kinds, .relevance = relevance};
  std::size_t prepared = 0;
  const auto made = select(c, preparing{&prepared}, {.keep = 3, .minimum_per_image = 1});
  BOOST_TEST((made == select(c, most_relevant{}, {.keep = 3, .minimum_per_image = 1})));
  BOOST_TEST(prepared == 1u);
  (void)select(c, preparing{&prepared}, {.keep = 0});
  (void)select(c, preparing{&prepared}, {.keep = 99});
  BOOST_TEST(prepared == 1u);
}

BOOST_AUTO_TEST_CASE(a_minimum_that_does_not_fit_is_refused) {
  const context c{.kinds = kinds, .relevance = relevance};
  check_error<tamp::value_error>("custom: 2 images of at least 2 tokens do not fit into 3", [&] {
    select(c, most_relevant{}, {.keep = 3, .minimum_per_image = 2});
  });
  check_error<tamp::value_error>("custom: 2 images of at least 1 tokens do not fit into 0", [&] {
    select(c, most_relevant{}, {.keep = 0, .minimum_per_image = 1});
  });
}

BOOST_AUTO_TEST_CASE(images_are_runs_of_one_kind_unless_the_host_names_them) {
  const std::vector<modality> mixed{image, image, video, video, text, image};
  const std::vector<float> scores{6, 5, 4, 3, 9, 1};
  const auto keep = [&](std::vector<std::uint32_t> images) {
    const context c{.kinds = mixed, .relevance = scores, .images = images};
    return select(c, most_relevant{}, {.keep = 3, .minimum_per_image = 1}).kept;
  };
  // {0, 1}, {2, 3} and {5}.
  BOOST_TEST(keep({}) == (indices{0, 2, 4, 5}), boost::test_tools::per_element());
  // {0, 1, 5} and {2, 3}: the text's number does not count.
  BOOST_TEST(keep({7, 7, 2, 2, 5, 7}) == (indices{0, 1, 2, 4}), boost::test_tools::per_element());
  // {0, 3}, {1, 2} and {5}: an image need not lie in one piece.
  BOOST_TEST(keep({1, 2, 2, 1, 0, 3}) == (indices{0, 1, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_policy_that_merges_keeps_minima_and_merges_no_token_into_one_that_left) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<modality> three;
    for (const std::size_t size : {4u, 5u, 12u}) {
      three.insert(three.end(), size, image);
      three.push_back(text);
    }
    const auto s = support::scene_of(three, seed);
    for (const std::size_t keep : {9u, 10u, 15u})
      support::check_selection(s, select(s.context(), tamp::token::tome{}, {keep, 3}), keep);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_is_its_sequences_on_any_executor) {
  std::vector<support::scene> scenes;
  for (unsigned k = 0; k < 9; ++k)
    scenes.push_back(support::scene_of(support::around_image(k % 3, 2 * k, 1 + k % 2), k));
  std::vector<context> batch;
  std::vector<selection> expected;
  for (const auto& s : scenes) {
    batch.push_back(s.context());
    expected.push_back(select(s.context(), tamp::token::attention_top_k{}, {.keep = 5}));
  }
  for (const auto& exec : support::every_executor) {
    BOOST_TEST((select(exec, batch, tamp::token::attention_top_k{}, {.keep = 5}) == expected));
    BOOST_TEST(select(exec, {}, tamp::token::attention_top_k{}, {.keep = 5}).empty());
    scenes[4].attention_of(0, scenes[4].tokens() - 1, 2) = support::not_a_number;
    BOOST_CHECK_THROW(select(exec, batch, tamp::token::attention_top_k{}, {.keep = 5}),
                      tamp::value_error);
    scenes[4] = support::scene_of(support::around_image(1, 8, 1), 4);
    batch[4] = scenes[4].context();
  }
}

BOOST_AUTO_TEST_SUITE_END()
