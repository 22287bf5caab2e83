#include <tamp/stat/hidden_change.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tamp/element.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_hidden_change)

using support::matrix;
using tamp::stat::hidden_change;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Cosines 24 / 25, 0 and -1.
  const matrix<float> before{{3, 4}, {1, 0}, {0, 2}}, after{{4, 3}, {0, 5}, {0, -1}};
  hidden_change change;
  change.add(before, after);
  BOOST_TEST(change.tokens() == 3u);
  BOOST_TEST(change.influence() == (0.04 + 1 + 2) / 3, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_tokens) {
  hidden_change change;
  change.add(matrix<float>{{1, 0}, {1, 0}, {1, 0}}, matrix<float>{{2, 0}, {2, 0}, {2, 0}});
  change.add(matrix<float>{{1, 0}}, matrix<float>{{0, 1}});
  BOOST_TEST(change.influence() == 0.25);
}

BOOST_AUTO_TEST_CASE(a_block_that_does_nothing_has_no_influence) {
  const auto x = support::random_matrix(20, 33, 1);
  BOOST_TEST(std::abs(hidden_change().add(x, x).influence()) < 1e-15);
  BOOST_TEST(hidden_change().add(x, x).influence() >= 0.0);
}

BOOST_AUTO_TEST_CASE(zero_tokens) {
  const matrix<float> zero{{0, 0}}, one{{0, 1}};
  BOOST_TEST(hidden_change().add(zero, zero).influence() == 0.0);
  BOOST_TEST(hidden_change().add(zero, one).influence() == 1.0);
  BOOST_TEST(hidden_change().add(one, zero).influence() == 1.0);
}

BOOST_AUTO_TEST_CASE(a_zero_token_has_not_changed_where_the_published_code_counts_a_half) {
  const matrix<float> state{{1, 2}, {0, 0}};  // published: (0 + 0.5) / 2
  BOOST_TEST(std::abs(hidden_change().add(state, state).influence()) < 1e-15);
}

BOOST_AUTO_TEST_CASE(nothing_seen_is_nothing_changed) {
  hidden_change change;
  BOOST_TEST(change.tokens() == 0u);
  BOOST_TEST(change.influence() == 0.0);
  change.add(matrix<float>(0, 4), matrix<float>(0, 4));
  BOOST_TEST((change == hidden_change()));
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads_or_layout) {
  const auto before = support::random_matrix(19, 31, 2), after = support::random_matrix(19, 31, 3);
  const auto expected = hidden_change().add(support::one_thread, before, after);
  BOOST_TEST(expected.influence() > 0.1);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((hidden_change().add(exec, before, after) == expected), exec);
  support::in_every_layout(before, [&](auto b) {
    BOOST_TEST((hidden_change().add(support::one_thread, b, after) == expected));
  });
  support::in_every_layout(after, [&](auto a) {
    BOOST_TEST((hidden_change().add(support::one_thread, before, a) == expected));
  });
  BOOST_TEST((hidden_change().add(before, support::readable_rows{after}) == expected));
}

BOOST_AUTO_TEST_CASE(scaling_a_side_changes_nothing) {
  const auto before = support::random_matrix(5, 8, 2);
  auto after = support::random_matrix(5, 8, 3);
  const double expected = hidden_change().add(before, after).influence();
  for (std::size_t k = 0; k < 40; ++k) after.data()[k] *= 1e6f;
  BOOST_TEST(hidden_change().add(before, after).influence() == expected,
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(merging_adds_up) {
  const auto b1 = support::random_matrix(5, 8, 1), a1 = support::random_matrix(5, 8, 2),
             b2 = support::random_matrix(9, 8, 3), a2 = support::random_matrix(9, 8, 4);
  hidden_change one, other, both;
  one.add(b1, a1);
  other.add(b2, a2);
  both.add(b1, a1).add(b2, a2);
  one.combine(other);
  BOOST_TEST((one == both));
  const hidden_change before = one;
  BOOST_TEST((one.combine({}) == before));
}

BOOST_AUTO_TEST_CASE(other_shapes_are_refused_with_both) {
  hidden_change change;
  support::check_error<tamp::shape_error>(
      "hidden_change: the hidden state is 2 x 3 before the block and 2 x 4 after it",
      [&] { change.add(matrix<float>(2, 3), matrix<float>(2, 4)); });
  support::check_error<tamp::shape_error>(
      "hidden_change: the hidden state is 2 x 3 before the block and 1 x 3 after it",
      [&] { change.add(matrix<float>(2, 3), matrix<float>(1, 3)); });
  BOOST_TEST((change == hidden_change()));
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_refused_by_place) {
  hidden_change change;
  matrix<float> good(3, 4, 1.0f), bad = good;
  bad(1, 2) = support::not_a_number;
  support::check_error<tamp::value_error>(
      "hidden_change: before the block, token 1, feature 2 is nan", [&] { change.add(bad, good); });
  bad(1, 2) = support::infinity;
  support::check_error<tamp::value_error>(
      "hidden_change: after the block, token 1, feature 2 is inf", [&] { change.add(good, bad); });
  support::check_error<tamp::value_error>(
      "hidden_change: the squares of token 0 are too large to be summed",
      [&] { change.add(matrix<double>{{1e200, 1}}, matrix<double>{{1, 1}}); });
  BOOST_TEST((change == hidden_change()));
}

BOOST_AUTO_TEST_CASE(fields_are_all_that_merge_adds_up) {
  const auto before = support::random_matrix(5, 8, 1), after = support::random_matrix(5, 8, 2);
  hidden_change full, copy;
  full.add(before, after);
  std::vector<double> sums;
  std::uint64_t tokens = 0;
  hidden_change::fields(full, [&](std::string_view name, auto& field) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, std::uint64_t>) {
      BOOST_TEST(name == "tokens");
      tokens = field;
    } else {
      BOOST_TEST(name == "sum_of_changes");
      sums = field;
    }
  });
  const auto load = [&] {
    hidden_change::fields(copy, [&](std::string_view, auto& field) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, std::uint64_t>)
        field = tokens;
      else
        field = sums;
    });
    copy.validate();
  };
  load();
  BOOST_TEST((copy == full));
  sums = {1.0, 2.0};
  support::check_error<tamp::value_error>("hidden_change: there are 2 sums of changes instead of 1",
                                          load);
  sums = {10.5};
  support::check_error<tamp::value_error>("hidden_change: the changes of 5 tokens sum up to 10.5",
                                          load);
  sums = {NAN};
  support::check_error<tamp::value_error>("hidden_change: the changes of 5 tokens sum up to nan",
                                          load);
}

BOOST_AUTO_TEST_CASE(it_reads_the_residual_stream) {
  static_assert(tamp::observables_read<hidden_change> == tamp::observable::hidden);
  BOOST_TEST(hidden_change::label() == "hidden_change");
}

BOOST_AUTO_TEST_CASE(tokens_that_cannot_be_counted_are_refused) {
  constexpr std::size_t large = std::size_t{1} << 62;
  const tamp::matrix_view<const float> tall(nullptr, large, 0);
  tamp::stat::hidden_change change;
  change.add(tall, tall).add(tall, tall).add(tall, tall);
  BOOST_TEST(change.tokens() == 3 * large);
  BOOST_TEST(change.influence() == 0.0);
  const auto before = change;
  support::check_error<tamp::value_error>(
      "hidden_change: 13835058055282163712 and 4611686018427387904 together are too large to be "
      "counted",
      [&] { change.add(tall, tall); });
  support::check_error<tamp::value_error>(
      "hidden_change: 13835058055282163712 and 13835058055282163712 together are too large to be "
      "counted",
      [&] { change.combine(before); });
  BOOST_TEST((change == before));
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    const tamp::matrix_view<const float> none(nullptr, 2, 3);
    tamp::stat::hidden_change().add(none, none);
  });
}

BOOST_AUTO_TEST_SUITE_END()
