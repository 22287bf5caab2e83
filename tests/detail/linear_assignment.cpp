#include <tamp/detail/linear_assignment.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(detail_linear_assignment)

namespace {

std::vector<std::size_t> best(const std::vector<double>& gains, std::size_t n) {
  return tamp::detail::best_assignment("test", gains, n);
}

double sum(const std::vector<double>& gains, const std::vector<std::size_t>& column_of) {
  double total = 0;
  for (std::size_t i = 0; i < column_of.size(); ++i)
    total += gains[i * column_of.size() + column_of[i]];
  return total;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // The largest gain of each row is in column 0. 8 + 5 + 3 is the best of the six sums.
  BOOST_TEST(best({9, 3, 3,  //
                   8, 7, 1,  //
                   8, 5, 5},
                  3) == (std::vector<std::size_t>{0, 1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(best({9, 8, 1,  //
                   9, 1, 1,  //
                   9, 2, 3},
                  3) == (std::vector<std::size_t>{1, 0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(none_and_one) {
  BOOST_TEST(best({}, 0).empty());
  BOOST_TEST(best({-3}, 1) == std::vector<std::size_t>{0}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equal_gains_leave_everything_in_place) {
  BOOST_TEST(best(std::vector<double>(16, 2.5), 4) == (std::vector<std::size_t>{0, 1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_the_best_of_all_permutations) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    const std::size_t n = 1 + random() % 6;
    std::vector<double> gains(n * n);
    for (double& gain : gains)
      gain = round % 2 == 0 ? double(random() % 5) : double(random()) / 1e9 - 2;
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    double most = sum(gains, order);
    while (std::next_permutation(order.begin(), order.end()))
      most = std::max(most, sum(gains, order));
    auto found = best(gains, n);
    BOOST_TEST(sum(gains, found) == most, boost::test_tools::tolerance(1e-12));
    std::sort(found.begin(), found.end());
    for (std::size_t i = 0; i < n; ++i) BOOST_TEST(found[i] == i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
