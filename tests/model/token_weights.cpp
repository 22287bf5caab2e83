#include <tamp/model/token_weights.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(model_token_weights)

using support::check_error;
using tamp::token_weights;
using lists = std::vector<std::vector<double>>;

namespace {

std::vector<double> copied(std::span<const double> numbers) {
  return {numbers.begin(), numbers.end()};
}

// Two samples, of three tokens and of one, in two blocks.
token_weights example() {
  token_weights weights(2, 7, 5);
  weights.add(lists{{1, 2, 3}, {4, 5, 6}}).add(lists{{0.5}, {0.25}});
  return weights;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_sample_has_a_weight_for_each_token_in_each_block) {
  const token_weights weights = example();
  BOOST_TEST(weights.samples() == 2u);
  BOOST_TEST(weights.blocks() == 2u);
  BOOST_TEST(weights.model() == 7u);
  BOOST_TEST(weights.samples_fingerprint() == 5u);
  BOOST_TEST(copied(weights.of(0, 0)) == (std::vector<double>{1, 2, 3}));
  BOOST_TEST(copied(weights.of(0, 1)) == (std::vector<double>{4, 5, 6}));
  BOOST_TEST(copied(weights.of(1, 0)) == (std::vector<double>{0.5}));
  BOOST_TEST(copied(weights.of(1, 1)) == (std::vector<double>{0.25}));
}

BOOST_AUTO_TEST_CASE(samples_without_tokens_and_models_without_blocks_are_counted) {
  token_weights weights(2);
  weights.add(lists{{}, {}}).add(lists{{1}, {2}});
  BOOST_TEST(weights.samples() == 2u);
  BOOST_TEST(weights.of(0, 1).empty());
  BOOST_TEST(copied(weights.of(1, 1)) == (std::vector<double>{2}));
  weights.validate();
  token_weights none(0);
  none.add(lists{});
  BOOST_TEST(none.samples() == 1u);
  none.validate();
  token_weights().validate();
}

BOOST_AUTO_TEST_CASE(bad_weights_are_refused_and_nothing_is_added) {
  token_weights weights = example();
  check_error<tamp::shape_error>("token_weights: weights for 1 of 2 blocks",
                                 [&] { weights.add(lists{{1, 2}}); });
  check_error<tamp::shape_error>("token_weights: block 1 has weights for 1 tokens, block 0 for 2",
                                 [&] { weights.add(lists{{1, 2}, {3}}); });
  check_error<tamp::value_error>("token_weights: weight 1 of block 1 is -1",
                                 [&] { weights.add(lists{{1, 2}, {3, -1}}); });
  check_error<tamp::value_error>("token_weights: weight 0 of block 0 is nan", [&] {
    weights.add(lists{{std::numeric_limits<double>::quiet_NaN()}, {3}});
  });
  BOOST_TEST((weights == example()));
  check_error<tamp::shape_error>(
      "token_weights: there are weights of 2 samples in 2 blocks, and none of sample 2 in block 0",
      [&] { static_cast<void>(weights.of(2, 0)); });
  check_error<tamp::shape_error>(
      "token_weights: there are weights of 2 samples in 2 blocks, and none of sample 0 in block 2",
      [&] { static_cast<void>(weights.of(0, 2)); });
}

BOOST_AUTO_TEST_CASE(parts_of_a_calibration_set_are_put_behind_each_other) {
  token_weights first(2, 7, 2), second(2, 7, 3), whole = example();
  first.add(lists{{1, 2, 3}, {4, 5, 6}});
  second.add(lists{{0.5}, {0.25}});
  check_error<tamp::value_error>(
      "token_weights: only complete ones can be combined; these have 1 and 1 samples",
      [&] { first.combine(second); });
  first.finish();
  second.finish();
  whole.finish();
  first.combine(second);
  BOOST_TEST((first == whole));
  const token_weights before = second;
  second.combine(second);  // with itself
  BOOST_TEST(second.samples() == 2u);
  BOOST_TEST(copied(second.of(1, 1)) == (std::vector<double>{0.25}));
  BOOST_TEST((first.part(1, 1).of(0, 0)[0] == before.of(0, 0)[0]));
  BOOST_TEST(first.part(0, 2).samples() == 2u);
  BOOST_TEST(first.part(2, 0).samples() == 0u);
  check_error<tamp::shape_error>("token_weights: samples 1 to 3 are not among 2",
                                 [&] { static_cast<void>(first.part(1, 2)); });
  check_error<tamp::value_error>(
      "token_weights: the parts to combine belong to the models 0000000000000007 of 2 blocks and "
      "0000000000000008 of 2",
      [&] { first.combine(token_weights(2, 8)); });
}

BOOST_AUTO_TEST_CASE(weights_that_were_moved_away_are_those_of_no_sample) {
  token_weights from = example();
  const token_weights to = std::move(from);
  BOOST_TEST((to == example()));
  BOOST_TEST(from.samples() == 0u);
  from.validate();
  from.add(lists{{1}, {2}});
  BOOST_TEST(copied(from.of(0, 1)) == (std::vector<double>{2}));
}

BOOST_AUTO_TEST_CASE(the_fingerprint_depends_on_every_weight_and_on_its_place) {
  const std::uint64_t print = example().fingerprint();
  BOOST_TEST(print == example().fingerprint());
  token_weights other(2, 7, 5);
  other.add(lists{{1, 2, 3}, {4, 5, 6}}).add(lists{{0.25}, {0.5}});
  BOOST_TEST(print != other.fingerprint());
  token_weights split(2, 7, 5);
  split.add(lists{{1, 2}, {3, 4}}).add(lists{{5, 0.5}, {6, 0.25}});
  BOOST_TEST(print != split.fingerprint());
}

BOOST_AUTO_TEST_CASE(fields_that_no_list_of_weights_has_are_refused) {
  const auto changed = [](auto change) {
    token_weights weights = example();
    token_weights::fields(weights, change);
    return weights;
  };
  const auto set = [&](std::string_view which, std::size_t place, double number) {
    return changed([&](std::string_view name, auto& value) {
      if constexpr (requires { value.size(); })
        if (name == which) value[place] = number;
    });
  };
  changed([](auto, auto&) {}).validate();
  const char* const sentence = "token_weights: 8 weights cannot be those of 2 samples in 2 blocks";
  check_error<tamp::value_error>(sentence, [&] { set("ends", 0, 5).validate(); });
  check_error<tamp::value_error>(sentence, [&] { set("ends", 0, 10).validate(); });
  check_error<tamp::value_error>(sentence, [&] { set("ends", 0, -2).validate(); });
  check_error<tamp::value_error>(sentence, [&] { set("ends", 1, 6).validate(); });
  check_error<tamp::value_error>("token_weights: weight 3 of block 0 is -2",
                                 [&] { set("numbers", 3, -2).validate(); });
  check_error<tamp::value_error>(
      "token_weights: 8 weights cannot be those of 2 samples in 0 blocks", [&] {
        changed([](std::string_view name, auto& value) {
          if constexpr (requires { value = 0u; })
            if (name == "blocks") value = 0;
        }).validate();
      });
}

BOOST_AUTO_TEST_SUITE_END()
