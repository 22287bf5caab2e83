#include <tamp/token/schedule.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_schedule)

using support::check_error;
using tamp::block_shape;
using tamp::shape_error;
using tamp::value_error;
using tamp::token::departure;
using tamp::token::drop_at;
using tamp::token::pyramid_drop;
using tamp::token::schedule;
using counts = std::vector<std::size_t>;

namespace {

// Grouped queries: 4 wide, queries 4, keys 2, 6 channels, gated.
constexpr block_shape grouped{4, 4, 2, 6, 3};

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_left_by_hand) {
  const schedule s{{0, 3, 2, 0}};
  BOOST_TEST(s.left(10, 0) == 10u);
  BOOST_TEST(s.left(10, 1) == 7u);
  BOOST_TEST(s.left(10, 2) == 5u);
  BOOST_TEST(s.left(10, 3) == 5u);
  BOOST_TEST(s.left(10, 99) == 5u);  // behind the last layer
  BOOST_TEST(s.left(4, 2) == 0u);    // more leave than there are
  BOOST_TEST(s.left(0, 2) == 0u);
  BOOST_TEST(schedule{}.left(7, 0) == 7u);
}

// n tokens enter: projections n * 4 * (4 + 2 * 2), attention 2 n^2 * 4; m go on: output m * 4 * 4,
// feed-forward 3 m * 4 * 6.
BOOST_AUTO_TEST_CASE(multiply_adds_by_hand) {
  const schedule s{{1, 0}};
  const std::uint64_t first = 3 * 32 + 8 * 9 + 2 * 16 + 2 * 72;
  const std::uint64_t second = 2 * 32 + 8 * 4 + 2 * 16 + 2 * 72;
  BOOST_TEST(s.multiply_adds(grouped, 3) == first + second);
  BOOST_TEST(s.multiply_adds(grouped, 3) == 616u);
  const std::uint64_t whole = 2 * (3 * 32 + 8 * 9 + 3 * 16 + 3 * 72);
  BOOST_TEST(s.cost(grouped, 3) == 616.0 / double(whole));
}

// One of three leaves: behind the whole layer 0, or before anything of it.
BOOST_AUTO_TEST_CASE(multiply_adds_of_each_departure_by_hand) {
  const std::uint64_t of_three = 3 * 32 + 8 * 9 + 3 * 16 + 3 * 72;
  const std::uint64_t of_two = 2 * 32 + 8 * 4 + 2 * 16 + 2 * 72;
  BOOST_TEST((schedule{{1, 0}, departure::after_layer}.multiply_adds(grouped, 3)) ==
             of_three + of_two);
  BOOST_TEST((schedule{{1, 0}, departure::before_layer}.multiply_adds(grouped, 3)) ==
             of_two + of_two);
  BOOST_TEST((schedule{{0, 1}, departure::after_layer}.multiply_adds(grouped, 3)) == 2 * of_three);
  BOOST_TEST((schedule{{0, 1}, departure::before_layer}.multiply_adds(grouped, 3)) ==
             of_three + of_two);
  BOOST_TEST((schedule{{0, 1}, departure::before_layer}.left(3, 0)) == 3u);
  BOOST_TEST((schedule{{0, 1}, departure::before_layer}.left(3, 1)) == 2u);
}

// Behind layer l is in front of layer l + 1, and after its attention lies between.
BOOST_AUTO_TEST_CASE(departures_are_ordered) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    schedule s{counts(6)};
    for (std::size_t& d : s.drops) d = random() % 9;
    s.drops.back() = 0;
    const auto cost = [&](departure leave) {
      s.leave = leave;
      return s.multiply_adds(grouped, 40, 3);
    };
    BOOST_TEST(cost(departure::before_layer) <= cost(departure::after_attention));
    BOOST_TEST(cost(departure::after_attention) <= cost(departure::after_layer));
    schedule next{counts(6), departure::before_layer};
    for (std::size_t l = 1; l < 6; ++l) next.drops[l] = s.drops[l - 1];
    BOOST_TEST(next.multiply_adds(grouped, 40, 3) == cost(departure::after_layer));
  }
}

// FastV with K = 2 and half of 576 tokens in a model of 7 billion weights, as its authors count:
// two whole layers of 32.
BOOST_AUTO_TEST_CASE(fastv_as_published) {
  const block_shape seven = block_shape::plain(4096, 11008);
  const auto published = [&](std::uint64_t k) {
    return double(k * seven.block(576) + (32 - k) * seven.block(288)) /
           double(32 * seven.block(576));
  };
  const auto whole = drop_at(32, 1, 288, departure::after_layer);
  BOOST_TEST(whole.cost(seven, 576) == published(2));
  BOOST_TEST(std::abs(whole.cost(seven, 576) - 0.526) < 5e-4);
  BOOST_TEST(std::abs(drop_at(32, 1, 288).cost(seven, 576) - 0.514) < 5e-4);
  BOOST_TEST(drop_at(32, 2, 288, departure::before_layer).cost(seven, 576) == published(2));
}

// Keys of the tokens that enter (4 * 2 each), a query (4 * 4), and products with it (4 each).
BOOST_AUTO_TEST_CASE(rating_by_hand) {
  const schedule s{{0, 1, 0, 2}, departure::before_layer};
  BOOST_TEST(s.rating(grouped, 3) == (3 * 8 + 16 + 3 * 4) + (2 * 8 + 16 + 2 * 4));
  BOOST_TEST(s.rating(grouped, 3, 5) == (8 * 8 + 16 + 8 * 4) + (7 * 8 + 16 + 7 * 4));
  BOOST_TEST(s.rating(grouped, 0, 5) == 0u);  // nothing to rate
  for (const departure leave : {departure::after_attention, departure::after_layer})
    BOOST_TEST((schedule{s.drops, leave}.rating(grouped, 3)) == 0u);
}

BOOST_AUTO_TEST_CASE(text_is_counted_along_by_hand) {
  const schedule s{{1, 0}};
  const std::uint64_t first = 5 * 32 + 8 * 25 + 4 * (16 + 72);
  const std::uint64_t second = 4 * 32 + 8 * 16 + 4 * (16 + 72);
  BOOST_TEST(s.multiply_adds(grouped, 3, 2) == first + second);
  const std::uint64_t whole = 2 * (5 * 32 + 8 * 25 + 5 * (16 + 72));
  BOOST_TEST(s.cost(grouped, 3, 2) == double(first + second) / double(whole));
}

BOOST_AUTO_TEST_CASE(without_drops_nothing_is_saved) {
  const schedule none{counts(5)};
  BOOST_TEST(none.multiply_adds(grouped, 9, 4) == 5 * grouped.block(13));
  BOOST_TEST(none.cost(grouped, 9, 4) == 1.0);
  BOOST_TEST(schedule{}.multiply_adds(grouped, 9) == 0u);
  BOOST_TEST(schedule{}.cost(grouped, 9) == 1.0);
  BOOST_TEST((schedule{counts{3, 3}}.cost(grouped, 0) == 1.0));  // nothing to save from
}

BOOST_AUTO_TEST_CASE(more_than_there_are_is_all) {
  BOOST_TEST((schedule{{100, 7}}.multiply_adds(grouped, 6, 2)) ==
             (schedule{{6, 0}}.multiply_adds(grouped, 6, 2)));
}

BOOST_AUTO_TEST_CASE(dropping_more_or_earlier_costs_less) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    schedule s{counts(6)};
    for (std::size_t& d : s.drops) d = random() % 5;
    for (std::size_t l = 0; l < 6; ++l) {
      schedule more = s;
      ++more.drops[l];
      BOOST_TEST(more.multiply_adds(grouped, 40, 3) < s.multiply_adds(grouped, 40, 3));
      schedule later = s;
      ++later.drops[5];
      if (l != 5)
        BOOST_TEST(more.multiply_adds(grouped, 40, 3) < later.multiply_adds(grouped, 40, 3));
    }
    // It agrees with the layers one by one.
    std::uint64_t sum = 0;
    for (std::size_t l = 0; l < 6; ++l)
      sum += grouped.block((l == 0 ? 40 : s.left(40, l - 1)) + 3, s.left(40, l) + 3);
    BOOST_TEST(s.multiply_adds(grouped, 40, 3) == sum);
  }
}

BOOST_AUTO_TEST_CASE(it_prints_its_numbers) {
  const auto printed = [](const schedule& s) {
    std::ostringstream out;
    out << s;
    return out.str();
  };
  BOOST_TEST(printed({{0, 12, 3}}) == "0 12 3");
  BOOST_TEST(printed({{5}}) == "5");
  BOOST_TEST(printed({}) == "");
  BOOST_TEST(printed({{0, 12}, departure::before_layer}) == "0 12 before_layer");
  BOOST_TEST(printed({{0, 12}, departure::after_layer}) == "0 12 after_layer");
  BOOST_TEST(printed({{}, departure::after_layer}) == "after_layer");
}

BOOST_AUTO_TEST_CASE(schedules_are_compared) {
  BOOST_TEST((schedule{{1, 2}} == schedule{{1, 2}}));
  BOOST_TEST((schedule{{1, 2}} != schedule{{1, 2, 0}}));
  BOOST_TEST((schedule{{1, 2}} != schedule{{1, 2}, departure::before_layer}));
}

BOOST_AUTO_TEST_CASE(drop_at_drops_in_one_layer) {
  BOOST_TEST(drop_at(4, 1, 30).drops == (counts{0, 30, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(drop_at(1, 0, 0).drops == (counts{0}), boost::test_tools::per_element());
  BOOST_TEST((drop_at(4, 1, 30).leave == departure::after_attention));
  BOOST_TEST((drop_at(4, 1, 30, departure::after_layer) ==
              schedule{{0, 30, 0, 0}, departure::after_layer}));
  const schedule nowhere{{1, 2}, static_cast<departure>(9)};
  for (const auto count : {&schedule::multiply_adds, &schedule::rating})
    check_error<value_error>("schedule: tokens cannot leave at a place of number 9",
                             [&] { (nowhere.*count)(block_shape::plain(4, 8), 5, 1); });
  check_error<shape_error>("drop_at: there is no layer 4 among 4", [] { drop_at(4, 4, 1); });
  check_error<shape_error>("drop_at: there is no layer 0 among 0", [] { drop_at(0, 0, 1); });
}

// 32 layers, 576 tokens: 288 leave in front of layer 8, 144 in front of 16, 72 in front of 24.
BOOST_AUTO_TEST_CASE(pyramid_drop_by_hand) {
  counts expected(32);
  expected[8] = 288;
  expected[16] = 144;
  expected[24] = 72;
  const schedule published = pyramid_drop{}(32, 576);
  BOOST_TEST(published.drops == expected, boost::test_tools::per_element());
  BOOST_TEST((published.leave == departure::before_layer));
  // The lists of the published scripts.
  const pyramid_drop lists{.layers = {8, 16, 24}, .ratios = {0.5, 0.25, 0.125}};
  BOOST_TEST((lists(32, 576) == published));
}

// If the layer before chooses, tokens leave in that layer.
BOOST_AUTO_TEST_CASE(a_pyramid_may_drop_by_the_layer_before) {
  counts expected(32);
  expected[7] = 288;
  expected[15] = 144;
  expected[23] = 72;
  for (const departure leave : {departure::after_attention, departure::after_layer})
    BOOST_TEST((pyramid_drop{.leave = leave}(32, 576) == schedule{expected, leave}));
}

BOOST_AUTO_TEST_CASE(a_pyramid_of_lists_by_hand) {
  const pyramid_drop lists{.layers = {1, 4}, .ratios = {0.6, 0.3}};
  BOOST_TEST(lists(5, 21).drops == (counts{0, 9, 0, 0, 6}), boost::test_tools::per_element());
  // A ratio of 1 keeps all that there are, and one of 0 none.
  const pyramid_drop edges{.layers = {1, 2, 3}, .ratios = {1, 1, 0}};
  BOOST_TEST(edges(4, 21).drops == (counts{0, 0, 0, 21}), boost::test_tools::per_element());
}

// 0.7 * 0.7 is 0.48999999999999994 as a double. The published list says 0.49.
BOOST_AUTO_TEST_CASE(powers_are_the_decimal_numbers_of_a_list) {
  const auto left_of = [](const schedule& s) {
    counts left;
    for (const std::size_t layer : {1u, 2u, 3u}) left.push_back(s.left(100, layer));
    return left;
  };
  BOOST_TEST(left_of(pyramid_drop{.ratio = 0.7}(4, 100)) == (counts{70, 49, 34}),
             boost::test_tools::per_element());
  const auto listed = [&](const std::vector<double>& ratios) {
    return left_of(pyramid_drop{.layers = {1, 2, 3}, .ratios = ratios}(4, 100));
  };
  BOOST_TEST(listed({0.7, 0.49, 0.343}) == (counts{70, 49, 34}), boost::test_tools::per_element());
  BOOST_TEST(listed({0.7, 0.7 * 0.7, 0.343}) == (counts{70, 48, 34}),
             boost::test_tools::per_element());
  // 100 * 0.29 is 28.999999999999996, in the published code, too.
  BOOST_TEST(listed({0.29, 0.29, 0.29}) == (counts{28, 28, 28}), boost::test_tools::per_element());
  BOOST_TEST(left_of(pyramid_drop{.ratio = 0.29}(4, 100)) == (counts{28, 8, 2}),
             boost::test_tools::per_element());
  // Every ratio of two decimals agrees with the list that one writes down for it.
  for (std::size_t percent = 1; percent <= 100; ++percent) {
    const double once = double(percent) / 100, twice = double(percent * percent) / 1e4,
                 thrice = double(percent * percent * percent) / 1e6;
    const pyramid_drop list{.layers = {3, 6, 9}, .ratios = {once, twice, thrice}};
    for (const std::size_t visual : {10u, 100u, 576u, 1000u, 10000u, 1000000u})
      BOOST_TEST((pyramid_drop{.ratio = once}(12, visual) == list(12, visual)));
  }
  // A third has no such number: it stays the double that it is.
  BOOST_TEST((pyramid_drop{.ratio = 1.0 / 3, .stages = 3}(3, 9).left(9, 2)) == 1u);
}

BOOST_AUTO_TEST_CASE(pyramid_drop_rounds_what_is_left_down) {
  // Of 21 tokens 10, 5 and 2 are left; of 6 layers the stages end in front of 1, 3 and 4.
  BOOST_TEST(pyramid_drop{}(6, 21).drops == (counts{0, 11, 0, 5, 3, 0}),
             boost::test_tools::per_element());
  BOOST_TEST((pyramid_drop{.ratio = 0.25, .stages = 2}(4, 10).drops) == (counts{0, 0, 8, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pyramid_drop_at_its_edges) {
  BOOST_TEST((pyramid_drop{.stages = 1}(3, 10).drops) == (counts{0, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST((pyramid_drop{.ratio = 1}(4, 10).drops) == counts(4),
             boost::test_tools::per_element());
  BOOST_TEST((pyramid_drop{.ratio = 0}(4, 10).drops) == (counts{0, 10, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST((pyramid_drop{.stages = 4}(4, 8).drops) == (counts{0, 4, 2, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(pyramid_drop{}(4, 0).drops == counts(4), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_stage_of_a_pyramid_leaves_its_share) {
  for (const double ratio : {0.3, 0.5, 0.9})
    for (const std::size_t stages : {2u, 3u, 4u, 7u})
      for (const std::size_t layers : {7u, 12u, 31u}) {
        const schedule s = pyramid_drop{ratio, stages}(layers, 577);
        double share = 1;
        for (std::size_t k = 1; k < stages; ++k) {
          share *= ratio;
          BOOST_TEST(s.left(577, k * layers / stages) == std::size_t(577 * share));
        }
        BOOST_TEST(s.left(577, layers - 1) == std::size_t(577 * share));
      }
}

BOOST_AUTO_TEST_CASE(pyramids_that_cannot_be_are_refused) {
  check_error<value_error>("pyramid_drop: the ratio lies in [0, 1], and is 1.5",
                           [] { pyramid_drop{.ratio = 1.5}(4, 10); });
  check_error<value_error>("pyramid_drop: the ratio lies in [0, 1], and is -0.5",
                           [] { pyramid_drop{.ratio = -0.5}(4, 10); });
  check_error<value_error>("pyramid_drop: the ratio lies in [0, 1], and is nan", [] {
    pyramid_drop{.ratio = static_cast<double>(support::not_a_number)}(4, 10);
  });
  check_error<value_error>("pyramid_drop: 4 layers do not make 0 stages",
                           [] { pyramid_drop{.stages = 0}(4, 10); });
  check_error<value_error>("pyramid_drop: 3 layers do not make 4 stages",
                           [] { pyramid_drop{}(3, 10); });
  const auto refuse = [](const counts& layers, const std::vector<double>& ratios,
                         const char* sentence) {
    check_error<value_error>(sentence,
                             [&] { pyramid_drop{.layers = layers, .ratios = ratios}(8, 10); });
  };
  refuse({1, 2}, {0.5}, "pyramid_drop: 1 ratios for 2 layers");
  refuse({}, {0.5}, "pyramid_drop: 1 ratios for 0 layers");
  refuse({1}, {1.5}, "pyramid_drop: the ratio lies in [0, 1], and is 1.5");
  refuse({1}, {double(support::not_a_number)},
         "pyramid_drop: the ratio lies in [0, 1], and is nan");
  refuse({0}, {0.5},
         "pyramid_drop: tokens leave in front of layer 1 or a later one of 8, not of layer 0");
  refuse({8}, {0.5},
         "pyramid_drop: tokens leave in front of layer 1 or a later one of 8, not of layer 8");
  refuse({3, 3}, {0.5, 0.5}, "pyramid_drop: layers ascend, and layer 3 follows layer 3");
  refuse({3, 4}, {0.5, 0.75},
         "pyramid_drop: the ratio 0.75 of layer 4 is larger than the one before, 0.5");
}

BOOST_AUTO_TEST_CASE(huge_counts_of_tokens_drop_no_more_than_there_are) {
  // As doubles they are larger than they are: nothing more is left than there was.
  for (const std::size_t visual : {static_cast<std::size_t>(-1), (std::size_t{1} << 53) + 3}) {
    BOOST_TEST(pyramid_drop{1.0}(8, visual).drops == counts(8), boost::test_tools::per_element());
    const schedule half = pyramid_drop{0.5}(8, visual);
    for (std::size_t layer = 1; layer < 8; ++layer)
      BOOST_TEST(half.left(visual, layer) <= half.left(visual, layer - 1));
    BOOST_TEST(half.left(visual, 7) >= visual / 8);
  }
}

BOOST_AUTO_TEST_CASE(layers_and_costs_that_cannot_be_are_refused) {
  constexpr std::size_t large = std::size_t{1} << 62;
  check_error<shape_error>(
      "drop_at: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [&] { drop_at(large, 1, 1); });
  check_error<shape_error>(
      "pyramid_drop: 4611686018427387904 numbers of 8 bytes are more than memory can hold",
      [&] { pyramid_drop{}(large, 1); });
  const auto shape = block_shape::plain(1, 1);
  check_error<value_error>(
      "schedule: 18446744073709551615 and 1 together are too large to be counted",
      [&] { schedule{{1}}.multiply_adds(shape, static_cast<std::size_t>(-1), 1); });
  check_error<value_error>(
      "multiply-adds: 4611686018427387904 times 4611686018427387904 is too large to be counted",
      [&] { schedule{{1}}.cost(shape, large); });
}

BOOST_AUTO_TEST_SUITE_END()
