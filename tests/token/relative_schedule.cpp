#include <tamp/token/relative_schedule.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <sstream>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_relative_schedule)

using support::check_error;
using tamp::block_shape;
using tamp::value_error;
using tamp::token::departure;
using tamp::token::relative_schedule;
using tamp::token::rounding;
using tamp::token::schedule;
using counts = std::vector<std::size_t>;

namespace {

constexpr block_shape plain = block_shape::plain(4, 8);

}  // namespace

// A quarter of 10 is 2.5, and a quarter of 21 is 5.25.
BOOST_AUTO_TEST_CASE(by_hand) {
  const relative_schedule down{{0.25, 0, 0.25}};
  BOOST_TEST(down.for_tokens(10).drops == (counts{2, 0, 2}), boost::test_tools::per_element());
  BOOST_TEST(down.for_tokens(21).drops == (counts{5, 0, 5}), boost::test_tools::per_element());
  const relative_schedule up{.drops = {0.25, 0, 0.25}, .rounding = rounding::up};
  BOOST_TEST(up.for_tokens(10).drops == (counts{3, 0, 2}), boost::test_tools::per_element());
  BOOST_TEST(up.for_tokens(21).drops == (counts{6, 0, 5}), boost::test_tools::per_element());
  BOOST_TEST(down.left(10, 0) == 8u);
  BOOST_TEST(up.left(10, 2) == 5u);
}

BOOST_AUTO_TEST_CASE(the_place_is_handed_on) {
  for (const departure leave :
       {departure::after_attention, departure::after_layer, departure::before_layer}) {
    const relative_schedule half{.drops = {0, 0.5}, .leave = leave};
    BOOST_TEST((half.for_tokens(8) == schedule{{0, 4}, leave}));
    BOOST_TEST(half.cost(plain, 8, 3) == (schedule{{0, 4}, leave}.cost(plain, 8, 3)));
    BOOST_TEST(half.multiply_adds(plain, 8) == (schedule{{0, 4}, leave}.multiply_adds(plain, 8)));
  }
}

// As doubles 3 * (1 / 3.0), 49 / 49.0 and 10 * 0.7 miss their whole numbers or not; none loses a
// token by it.
BOOST_AUTO_TEST_CASE(a_fraction_of_whole_tokens_is_these_tokens) {
  for (std::size_t visual = 1; visual <= 700; visual += 3)
    for (std::size_t k = 0; k <= visual; ++k)
      for (const rounding round : {rounding::down, rounding::up}) {
        const double fraction = double(k) / double(visual),
                     rest = double(visual - k) / double(visual);
        const relative_schedule s{.drops = {fraction, rest}, .rounding = round};
        BOOST_TEST_REQUIRE(s.for_tokens(visual).drops[0] == k);
        BOOST_TEST_REQUIRE(s.for_tokens(visual).drops[1] == visual - k);
      }
}

BOOST_AUTO_TEST_CASE(rounded_up_at_least_the_fractions_have_left_and_rounded_down_at_most) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> number(0.0, 0.2);
  for (int round = 0; round < 200; ++round) {
    relative_schedule s;
    for (int l = 0; l < 5; ++l) s.drops.push_back(number(random));
    const std::size_t visual = random() % 3000;
    relative_schedule up = s;
    up.rounding = rounding::up;
    double sum = 0;
    for (std::size_t l = 0; l < 5; ++l) {
      sum += s.drops[l];
      const double wanted = double(visual) * sum;
      const double more = double(visual - up.left(visual, l));
      const double fewer = double(visual - s.left(visual, l));
      BOOST_TEST(more >= wanted - 1e-9);
      BOOST_TEST(more < wanted + 1);
      BOOST_TEST(fewer <= wanted + 1e-9);
      BOOST_TEST(fewer > wanted - double(l + 1));
    }
    BOOST_TEST(up.cost(plain, visual) <= s.cost(plain, visual));
  }
}

BOOST_AUTO_TEST_CASE(at_the_edges_none_or_all_leave) {
  for (const rounding round : {rounding::down, rounding::up}) {
    const relative_schedule none{.drops = {0, 0}, .rounding = round};
    BOOST_TEST(none.for_tokens(7).drops == (counts{0, 0}), boost::test_tools::per_element());
    BOOST_TEST(none.cost(plain, 7) == 1.0);
    const relative_schedule all{.drops = {0, 1}, .rounding = round};
    BOOST_TEST(all.for_tokens(7).drops == (counts{0, 7}), boost::test_tools::per_element());
    BOOST_TEST(all.for_tokens(0).drops == (counts{0, 0}), boost::test_tools::per_element());
    // As doubles, ten tenths are less than one.
    const relative_schedule tenths{.drops = std::vector<double>(10, 0.1), .rounding = round};
    BOOST_TEST(tenths.left(50, 9) == 0u);
    for (const std::size_t huge : {static_cast<std::size_t>(-1), (std::size_t{1} << 53) + 3}) {
      BOOST_TEST(all.left(huge, 1) == 0u);
      BOOST_TEST(tenths.left(huge, 4) <= huge / 2 + 8000);
    }
  }
  BOOST_TEST(relative_schedule{}.for_tokens(7).drops.empty());
}

BOOST_AUTO_TEST_CASE(it_prints_its_fractions) {
  const auto printed = [](const relative_schedule& s) {
    std::ostringstream out;
    out << s;
    return out.str();
  };
  BOOST_TEST(printed({{0, 0.25, 0.5}}) == "0 0.25 0.5 rounded down");
  BOOST_TEST(printed({{0.125}, departure::after_layer, rounding::up}) ==
             "0.125 rounded up after_layer");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_no_place_and_no_rounding_are_refused) {
  check_error<value_error>("relative_schedule: tokens cannot leave at a place of number 9", [] {
    relative_schedule{.drops = {0.5}, .leave = static_cast<departure>(9)}.for_tokens(4);
  });
  check_error<value_error>("relative_schedule: there is no rounding of number 9", [] {
    relative_schedule{.drops = {0.5}, .rounding = static_cast<rounding>(9)}.for_tokens(4);
  });
}

BOOST_AUTO_TEST_CASE(fractions_that_cannot_be_are_refused) {
  const auto refuse = [](const std::vector<double>& drops, const char* sentence) {
    for (const rounding round : {rounding::down, rounding::up})
      check_error<value_error>(
          sentence, [&] { relative_schedule{.drops = drops, .rounding = round}.for_tokens(9); });
  };
  refuse({0, -0.5}, "relative_schedule: the fraction of layer 1 lies in [0, 1], and is -0.5");
  refuse({1.5}, "relative_schedule: the fraction of layer 0 lies in [0, 1], and is 1.5");
  refuse({double(support::not_a_number)},
         "relative_schedule: the fraction of layer 0 lies in [0, 1], and is nan");
  refuse({0.5, 0, 0.75}, "relative_schedule: up to layer 2 the fraction 1.25 of the tokens leaves");
}

BOOST_AUTO_TEST_SUITE_END()
