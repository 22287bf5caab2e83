#include <tamp/token/detail/highest_scoring.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <vector>

BOOST_AUTO_TEST_SUITE(token_detail_highest_scoring)

using indices = std::vector<std::size_t>;
using tamp::detail::highest_scoring;

BOOST_AUTO_TEST_CASE(the_largest_scores_stay_in_the_order_of_the_candidates) {
  const indices candidates{2, 5, 7, 9};
  const std::vector<double> scores{0.5, 3, -1, 2};
  BOOST_TEST(highest_scoring<double>(candidates, scores, 2) == (indices{5, 9}));
  BOOST_TEST(highest_scoring<double>(candidates, scores, 3) == (indices{2, 5, 9}));
  BOOST_TEST(highest_scoring<double>(candidates, scores, 0).empty());
}

BOOST_AUTO_TEST_CASE(of_ties_the_lower_index_is_dropped_first) {
  const indices candidates{0, 1, 2, 3, 4};
  BOOST_TEST(highest_scoring<double>(candidates, std::vector<double>{1, 1, 1, 1, 1}, 2) ==
             (indices{3, 4}));
  BOOST_TEST(highest_scoring<double>(candidates, std::vector<double>{1, 2, 1, 2, 1}, 3) ==
             (indices{1, 3, 4}));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(highest_scoring<double>(candidates, std::vector<double>{infinity, 0, infinity, 0, 1},
                                     1) == (indices{2}));
}

BOOST_AUTO_TEST_CASE(it_is_a_sort_by_score_and_index_for_any_scores) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t tokens = 2 + random() % 40;
    indices candidates(tokens), order(tokens);
    std::iota(candidates.begin(), candidates.end(), std::size_t{100});
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<std::uint64_t> scores(tokens);
    for (std::uint64_t& score : scores) score = random() % 7;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return scores[a] < scores[b] || (scores[a] == scores[b] && a < b);
    });
    const std::size_t count = 1 + random() % (tokens - 1);
    indices expected;
    for (std::size_t k = tokens - count; k < tokens; ++k) expected.push_back(100 + order[k]);
    std::sort(expected.begin(), expected.end());
    BOOST_TEST(highest_scoring<std::uint64_t>(candidates, scores, count) == expected);
  }
}

BOOST_AUTO_TEST_SUITE_END()
