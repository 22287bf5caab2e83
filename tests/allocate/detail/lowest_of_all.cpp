#include <tamp/allocate/detail/lowest_of_all.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_lowest_of_all)

using tamp::detail::counted_keys;
using tamp::detail::lowest_of_all;
using tamp::detail::radix_selection;
using counts = std::vector<std::size_t>;

namespace {

counts lowest(const std::vector<std::vector<std::uint32_t>>& keys, std::size_t drop, int width) {
  return lowest_of_all("test", keys.size(), radix_selection<std::uint32_t>(drop, width),
                       [&](std::size_t unit, auto& here) {
                         // In two parts, as two threads would count them.
                         counted_keys<std::uint32_t> other("test", here.find());
                         for (std::size_t k = 0; k < keys[unit].size(); ++k)
                           (k % 2 == 0 ? here : other).add(keys[unit][k]);
                         here.combine(other);
                       });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(lowest({{7, 1, 9}, {2, 8, 3}}, 3, 16) == (counts{1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_equal_keys_those_of_the_lower_unit_go_first) {
  BOOST_TEST(lowest({{5, 5}, {5, 5, 1}, {5}}, 4, 8) == (counts{2, 2, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_may_be_empty) {
  BOOST_TEST(lowest({{}, {3, 1}, {}}, 1, 8) == (counts{0, 1, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_what_sorting_gives_for_digits_of_any_width) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::vector<std::uint32_t>> keys(1 + random() % 4);
    std::vector<std::pair<std::uint32_t, std::size_t>> all;
    for (std::size_t u = 0; u < keys.size(); ++u)
      for (unsigned k = 0; k < 1 + random() % 50; ++k) {
        const auto key = static_cast<std::uint32_t>(round % 2 == 0 ? random() : random() % 7);
        keys[u].push_back(key);
        all.emplace_back(key, u);
      }
    std::sort(all.begin(), all.end());
    for (const int width : {1, 5, 8, 11, 16})
      for (const std::size_t drop : {std::size_t{1}, all.size() / 2 + 1, all.size()}) {
        counts wanted(keys.size(), 0);
        for (std::size_t k = 0; k < drop; ++k) ++wanted[all[k].second];
        BOOST_TEST(lowest(keys, drop, width) == wanted, boost::test_tools::per_element());
      }
  }
}

// 63 bits: three digits of 21, or four of 16, whose counts are no more than the keys of a unit.
BOOST_AUTO_TEST_CASE(digits_are_as_wide_as_a_unit_has_keys_for) {
  using tamp::detail::digit_width;
  BOOST_TEST(digit_width(std::size_t{10} << 24, 10, 63, 21) == 21);
  BOOST_TEST(digit_width(std::size_t{10} << 19, 10, 63, 21) == 16);
  BOOST_TEST(digit_width(std::size_t{10} << 11, 10, 63, 21) == 11);
  BOOST_TEST(digit_width(100, 10, 63, 21) == 8);
  BOOST_TEST(digit_width(0, 0, 32, 16) == 8);
  BOOST_TEST(digit_width(std::size_t{1} << 40, 1, 32, 16) == 16);
}

BOOST_AUTO_TEST_CASE(fewer_keys_than_asked_for_are_refused) {
  support::check_error<tamp::value_error>(
      "test: the weights are not the same each time they are read",
      [] { static_cast<void>(lowest({{1, 2}}, 3, 8)); });
}

BOOST_AUTO_TEST_SUITE_END()
