#include <tamp/token/attention_record.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_attention_record)

using support::check_error;
using support::indices;
using tamp::modality;
using tamp::shape_error;
using tamp::value_error;
using tamp::token::attention_record;
using tamp::token::attention_recording;
using tamp::token::fitprune;
using tamp::token::received;
using enum tamp::modality;

namespace {

indices first(std::size_t count) {
  indices all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

attention_record record_of_size(std::size_t visual) {
  return {std::vector<double>(visual, 0.5), std::vector<float>(visual * visual, 0.25f)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::vector<modality> kinds{text, image, image, text};
  const std::vector<float> attention{9,      9,      9,     9,        // head 0
                                     0.5f,   0.5f,   0.25f, 0,        //
                                     0.25f,  0.125f, 0.5f,  0,        //
                                     0.125f, 0.5f,   0.25f, 0.125f,   //
                                     9,      9,      9,     9,        // head 1
                                     0.5f,   0.25f,  0.5f,  0,        //
                                     0.25f,  0.25f,  0.25f, 0,        //
                                     0.125f, 0.25f,  0.75f, 0.125f};  //
  const auto record = attention_record::of({.kinds = kinds, .attention = {attention, 2, 4}});
  BOOST_TEST(record.cross == (std::vector{0.5, 0.75}), boost::test_tools::per_element());
  BOOST_TEST(record.self == (std::vector{0.5f, 0.5f, 0.25f, 0.5f}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(attention_of_any_type_and_strides_has_the_same_record) {
  const auto s = support::selectors::exact_scene(support::around_image(1, 6, 2), 4);
  const attention_record expected = attention_record::of(s.context());
  support::selectors::in_every_form(s, [&](const tamp::token::context& c, const std::string& form) {
    BOOST_TEST((attention_record::of(c) == expected), form);
  });
}

// A dropped token loses its column and its row; nothing is renormalised.
BOOST_AUTO_TEST_CASE(a_subset_by_hand) {
  const std::vector<double> cross{1, 2, 4};
  const std::vector<float> self{1,   2,   3,   //
                                10,  20,  30,  //
                                100, 200, 300};
  const auto ask = [&](const indices& left) { return received(cross, self, left); };
  BOOST_TEST(ask({0, 2}).cross == (std::vector{1.0, 4.0}), boost::test_tools::per_element());
  BOOST_TEST(ask({0, 2}).self == (std::vector{101.0 / 2, 303.0 / 2}),
             boost::test_tools::per_element());
  BOOST_TEST(ask({1}).cross == (std::vector{2.0}), boost::test_tools::per_element());
  BOOST_TEST(ask({1}).self == (std::vector{20.0}), boost::test_tools::per_element());
  BOOST_TEST(ask({0, 1, 2}).self == (std::vector{37.0, 74.0, 111.0}),
             boost::test_tools::per_element());
  BOOST_TEST(ask({}).cross.empty());
  BOOST_TEST(ask({}).self.empty());
}

BOOST_AUTO_TEST_CASE(of_all_tokens_it_says_what_the_policy_sees) {
  for (const auto& [before, visual, after] :
       {std::array<std::size_t, 3>{0, 1, 1}, {3, 2, 1}, {2, 17, 5}}) {
    const auto s = support::scene_of(support::around_image(before, visual, after), 3);
    const auto record = attention_record::of(s.context());
    BOOST_TEST(
        (received(record.cross, record.self, first(visual)) == fitprune::statistics(s.context())));
  }
}

// A sequence from which tokens have left, with the attention that is left of them as it was.
BOOST_AUTO_TEST_CASE(of_some_tokens_it_says_what_the_policy_sees_of_those) {
  const std::size_t before = 2, visual = 9, after = 3;
  const auto s = support::scene_of(support::around_image(before, visual, after), 5);
  const auto record = attention_record::of(s.context());
  const indices left{0, 3, 4, 8};
  indices stay{0, 1};
  for (const std::size_t v : left) stay.push_back(before + v);
  for (std::size_t t = before + visual; t < s.tokens(); ++t) stay.push_back(t);
  std::vector<modality> kinds;
  for (const std::size_t t : stay) kinds.push_back(s.kinds[t]);
  std::vector<float> attention;
  for (std::size_t head = 0; head < s.heads; ++head)
    for (const std::size_t query : stay)
      for (const std::size_t t : stay) attention.push_back(s.attention_of(head, query, t));
  BOOST_TEST((received(record.cross, record.self, left) ==
              fitprune::statistics({.kinds = kinds, .attention = {attention, 2, stay.size()}})));
}

BOOST_AUTO_TEST_CASE(its_size_is_that_of_the_image) {
  std::size_t size = 0;
  for (const std::size_t heads : {1u, 2u, 16u})
    for (const std::size_t words : {1u, 40u}) {
      const std::size_t visual = 6, tokens = visual + words;
      const auto kinds = support::around_image(0, visual, words);
      const std::vector<float> attention(heads * tokens * tokens, 0.5f);
      const auto record =
          attention_record::of({.kinds = kinds, .attention = {attention, heads, tokens}});
      const std::size_t bytes =
          record.cross.size() * sizeof(double) + record.self.size() * sizeof(float);
      if (size == 0) size = bytes;
      BOOST_TEST(bytes == size);
      BOOST_TEST(bytes == visual * (visual + 2) * sizeof(float));
    }
}

BOOST_AUTO_TEST_CASE(words_alone_have_an_empty_record) {
  const auto words = support::scene_of(support::around_image(2, 0, 0), 2);
  BOOST_TEST((attention_record::of(words.context()) == attention_record{}));
  BOOST_TEST((attention_record::of({.kinds = words.kinds}) == attention_record{}));
  BOOST_TEST((attention_record::of({}) == attention_record{}));
  attention_recording recording(1);
  recording.add(attention_record::of(words.context()));
  BOOST_TEST(recording.visual_tokens() == std::vector<std::size_t>{0},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_context_that_cannot_be_recorded_is_refused) {
  const auto s = support::scene_of(support::around_image(1, 3, 2), 2);
  const auto refuse = [](const tamp::token::context& c, const std::string& sentence) {
    check_error<value_error>(sentence, [&] { attention_record::of(c); });
  };
  const std::string nothing_after = "fitprune: there is no token after the last visual one";
  const auto ends = support::scene_of(support::around_image(1, 3, 0), 2);
  refuse(ends.context(), nothing_after);
  refuse({.kinds = s.kinds},
         "attention_record reads the attention of the text after the last visual token and the "
         "attention of the visual tokens, which the context does not show");
  auto broken = s;
  broken.attention_of(1, 2, 3) = support::not_a_number;
  refuse(broken.context(), "attention_record: the attention of head 1, query 2 to token 3 is nan");
  broken = s;
  broken.attention_of(0, 5, 2) = -0.5f;
  refuse(broken.context(), "attention_record: the attention of head 0, query 5 to token 2 is -0.5");
  auto short_one = s.context();
  short_one.attention = {std::span(s.attention).first(2 * 4 * 4), 2, 4};
  check_error<shape_error>("attention_record: the attention covers 4 tokens, the kinds 6",
                           [&] { attention_record::of(short_one); });
}

BOOST_AUTO_TEST_CASE(a_recording_counts_complete_samples) {
  attention_recording recording(2);
  BOOST_TEST(recording.layers() == 2u);
  BOOST_TEST(recording.samples() == 0u);
  BOOST_TEST(recording.visual_tokens().empty());
  recording.add(record_of_size(3));
  BOOST_TEST(recording.samples() == 0u);
  recording.add(record_of_size(3));
  BOOST_TEST(recording.samples() == 1u);
  recording.add(record_of_size(5));  // the next sample may be of another size
  BOOST_TEST(recording.visual_tokens() == (indices{3}), boost::test_tools::per_element());
  recording.add(record_of_size(5));
  BOOST_TEST(recording.visual_tokens() == (indices{3, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_recording_answers_for_a_sample_and_a_layer) {
  attention_recording recording(2);
  std::vector<attention_record> added;
  for (unsigned k = 0; k < 4; ++k) {
    added.push_back(attention_record::of(
        support::scene_of(support::around_image(1, 4 + k / 2, 2), k).context()));
    recording.add(added.back());
  }
  for (std::size_t sample = 0; sample < 2; ++sample)
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const attention_record& record = added[2 * sample + layer];
      BOOST_TEST((recording.at(sample, layer) == record));
      for (const indices& left : {indices{0, 1, 2, 3}, indices{1, 3}, indices{}})
        BOOST_TEST((recording(sample, layer, left) == received(record.cross, record.self, left)));
    }
}

BOOST_AUTO_TEST_CASE(what_does_not_belong_into_a_recording_is_refused) {
  check_error<shape_error>("attention_recording: a model has layers",
                           [] { attention_recording recording(0); });
  attention_recording recording(2);
  recording.add(record_of_size(3));
  recording.add(record_of_size(3));
  recording.add(record_of_size(4));
  check_error<shape_error>(
      "attention_recording: layer 1 of sample 1 has 5 visual tokens, the layer before has 4",
      [&] { recording.add(record_of_size(5)); });
  check_error<shape_error>(
      "attention_recording: a record of 4 visual tokens has 15 numbers of attention among them",
      [&] { recording.add({std::vector<double>(4), std::vector<float>(15)}); });
  recording.add(record_of_size(4));
  BOOST_TEST(recording.visual_tokens() == (indices{3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
