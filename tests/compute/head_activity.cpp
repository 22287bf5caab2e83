#include <tamp/compute/head_activity.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(compute_head_activity)

using tamp::modality;
using tamp::compute::head_activity;
using tamp::compute::layer_head;
using tamp::compute::least_active_heads;
using tamp::token::attention_view;
using enum tamp::modality;

namespace {

using kinds = std::vector<modality>;

// A sample of one query, in which head h pays the share visual[h] to the visual one of two tokens.
head_activity& add(head_activity& seen, const std::vector<float>& visual) {
  std::vector<float> numbers;
  for (const float share : visual) {
    numbers.push_back(1 - share);
    numbers.push_back(share);
  }
  const kinds two{text, image};
  return seen.add(attention_view(numbers, visual.size(), 1, 2, 1), two);
}

head_activity of(const std::vector<std::vector<float>>& samples) {
  head_activity seen;
  for (const auto& visual : samples) add(seen, visual);
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two heads, two queries, three tokens: text, image, text.
  const std::vector<float> numbers{1, 0, 0, 0.5f,  0.5f,  0, 0.25f, 0.25f, 0.5f,  //
                                   1, 0, 0, 0.25f, 0.75f, 0, 0,     1,     0};
  head_activity seen;
  seen.add(attention_view(numbers, 2, 3), kinds{text, image, text});
  BOOST_TEST(seen.samples() == 1u);
  BOOST_TEST(seen.heads() == 2u);
  BOOST_TEST(seen.activity(0) == 0.75 / 2.25);
  BOOST_TEST(seen.activity(1) == 1.75 / 1.25);
}

BOOST_AUTO_TEST_CASE(the_activity_is_the_threshold_that_enough_samples_exceed) {
  // Ratios 1, 3, 1/3, 7, 0 of five samples. More than 0.4 * 5 = 2 of them, so three, exceed every
  // threshold below 1.
  const auto seen = of({{0.5f}, {0.75f}, {0.25f}, {0.875f}, {0}});
  BOOST_TEST(seen.activity(0, 0.4) == 1);
  BOOST_TEST(seen.activity(0, 0) == 7);
  BOOST_TEST(seen.activity(0, 0.2) == 3);
  BOOST_TEST(seen.activity(0, 0.99) == 0);
}

BOOST_AUTO_TEST_CASE(a_head_that_sees_images_alone_is_more_active_than_any_other) {
  BOOST_TEST(of({{1}}).activity(0) == std::numeric_limits<double>::max());
  BOOST_TEST(of({{0}}).activity(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_sample_without_images_has_no_vote) {
  head_activity seen = of({{0.5f}});
  const std::vector<float> numbers{1};
  seen.add(attention_view(numbers, 1, 1), kinds{text});
  BOOST_TEST(seen.samples() == 1u);
  BOOST_TEST(seen.activity(0) == 1);
}

BOOST_AUTO_TEST_CASE(combined_samples_are_those_of_both) {
  head_activity first = of({{0.5f, 0}, {0.25f, 1}}), all = first, second = of({{0, 0.5f}});
  add(all, {0, 0.5f});
  BOOST_TEST((first.combine(second) == all));
  BOOST_TEST((head_activity{}.combine(all) == all));
  BOOST_TEST((all.combine({}) == first));
  BOOST_CHECK_THROW(first.combine(of({{0.5f}})), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(the_least_active_heads_of_a_model) {
  const std::vector<head_activity> layers{of({{0, 0}}), of({{0.5f, 0.25f}}), of({{0.75f, 0.25f}}),
                                          of({{0.25f, 0}})};
  const auto heads = [&](std::size_t count, std::size_t first) {
    return least_active_heads(layers, count, first);
  };
  BOOST_TEST((heads(2, 1) == std::vector<layer_head>{{1, 1}, {3, 1}}));
  BOOST_TEST((heads(3, 1) == std::vector<layer_head>{{1, 1}, {2, 1}, {3, 1}}));
  BOOST_TEST((heads(2, 0) == std::vector<layer_head>{{0, 0}, {0, 1}}));
  BOOST_TEST((heads(2, 2) == std::vector<layer_head>{{2, 1}, {3, 1}}));
  BOOST_TEST(heads(0, 2).empty());
  support::check_error<tamp::value_error>(
      "least_active_heads: 5 heads of 4 are asked for, from layer 2 on",
      [&] { static_cast<void>(heads(5, 2)); });
}

BOOST_AUTO_TEST_CASE(what_is_no_attention_is_refused_and_nothing_added) {
  head_activity seen = of({{0.5f}});
  const head_activity before = seen;
  BOOST_CHECK_THROW(add(seen, {0.5f, 0.5f}), tamp::shape_error);
  support::check_error<tamp::value_error>(
      "head_activity: the attention of head 0, query 1 to token 0 is -1", [&] { add(seen, {2}); });
  const float nan = std::numeric_limits<float>::quiet_NaN();
  BOOST_CHECK_THROW(add(seen, {nan}), tamp::value_error);
  const std::vector<float> numbers{1, 0};
  support::check_error<tamp::shape_error>("head_activity: 1 kinds for 2 tokens", [&] {
    seen.add(attention_view(numbers, 1, 1, 2, 1), kinds{text});
  });
  BOOST_TEST((seen == before));
  BOOST_CHECK_THROW(static_cast<void>(seen.activity(1)), tamp::value_error);
  BOOST_CHECK_THROW(static_cast<void>(seen.activity(0, 1)), tamp::value_error);
  BOOST_CHECK_THROW(static_cast<void>(head_activity{}.activity(0)), tamp::value_error);
}

BOOST_AUTO_TEST_SUITE_END()
