#include <tamp/allocate/detail/cheapest_levels.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_cheapest_levels)

using levels = std::vector<std::size_t>;
using costs_of_units = std::vector<std::vector<double>>;

namespace {

levels cheapest(const costs_of_units& costs, std::size_t total) {
  return tamp::detail::cheapest_levels("test", costs, total);
}

// The least cost of all choices.
double least(const costs_of_units& costs, std::size_t total, std::size_t unit = 0) {
  if (unit == costs.size()) return total == 0 ? 0 : std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t l = 0; l < costs[unit].size() && l <= total; ++l)
    best = std::min(best, costs[unit][l] + least(costs, total - l, unit + 1));
  return best;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two levels cost 4 + 0 of the first, 0 + 5 of the second, or 1 + 2 of both.
  BOOST_TEST(cheapest({{0, 1, 4}, {0, 2, 5}}, 2) == (levels{1, 1}),
             boost::test_tools::per_element());
  // The first level of the second unit is dear and its second is free.
  BOOST_TEST(cheapest({{0, 3, 6}, {0, 5, 5}}, 2) == (levels{0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_equal_costs_later_units_get_the_lower_levels) {
  BOOST_TEST(cheapest({{0, 1, 2}, {0, 1, 2}, {0, 1, 2}}, 3) == (levels{2, 1, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_and_all) {
  BOOST_TEST(cheapest({}, 0).empty());
  BOOST_TEST(cheapest({{0, 1}, {0}}, 0) == (levels{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(cheapest({{0, 1}, {0, 9, 1}}, 3) == (levels{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(levels_that_cannot_add_up_are_refused) {
  support::check_error<tamp::value_error>("test: the levels of 2 units do not add up to 4", [] {
    static_cast<void>(cheapest({{0, 1}, {0, 9, 1}}, 4));
  });
}

BOOST_AUTO_TEST_CASE(no_other_choice_is_cheaper) {
  std::mt19937 random(6);
  for (int round = 0; round < 100; ++round) {
    costs_of_units costs(1 + random() % 4);
    std::size_t most = 0;
    for (auto& unit : costs) {
      unit.resize(1 + random() % 5);
      for (double& cost : unit) cost = static_cast<double>(random() % 20) / 4;
      most += unit.size() - 1;
    }
    for (std::size_t total = 0; total <= most; ++total) {
      const levels found = cheapest(costs, total);
      double cost = 0;
      std::size_t sum = 0;
      for (std::size_t u = 0; u < costs.size(); ++u) {
        cost += costs[u][found[u]];
        sum += found[u];
      }
      BOOST_TEST(sum == total);
      BOOST_TEST(cost == least(costs, total));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
