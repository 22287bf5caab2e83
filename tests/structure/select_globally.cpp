#include <tamp/structure/select_globally.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_select_globally)

using lists = std::vector<std::vector<double>>;
using kept = std::vector<std::vector<std::size_t>>;
using tamp::structure::select_globally;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Heads cost 3, neurons 1: 12 in all. By score: head 1 (9), neuron 2 (8), head 0 (5), neuron 0 (4).
  const lists scores{{5, 9}, {4, 1, 8, 2, 0, 3}};
  const std::vector<double> costs{3, 1};
  BOOST_TEST((select_globally(scores, costs, 0.5, 0) == kept{{0, 1}, {2}}));  // 7, 4 are 1, 2 away
  BOOST_TEST((select_globally(scores, costs, 0.7, 0) == kept{{1}, {2}}));     // 4 is nearest to 3.6
  BOOST_TEST((select_globally(scores, costs, 0, 0) == kept{{0, 1}, {0, 1, 2, 3, 4, 5}}));
  BOOST_TEST((select_globally(scores, costs, 1, 0) == kept{{}, {}}));
}

BOOST_AUTO_TEST_CASE(of_two_numbers_that_are_equally_near_the_lower_one_is_taken) {
  const lists scores{{1, 2}};
  BOOST_TEST((select_globally(scores, std::vector<double>{1}, 0.75, 0) == kept{{}}));
  BOOST_TEST((select_globally(scores, std::vector<double>{1}, 0.25, 0) == kept{{1}}));
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_earlier_unit_goes_first) {
  const lists scores{{1, 1}, {1, 1}};
  const std::vector<double> costs{1, 1};
  BOOST_TEST((select_globally(scores, costs, 0.25, 0) == kept{{1}, {0, 1}}));
  BOOST_TEST((select_globally(scores, costs, 0.5, 0) == kept{{}, {0, 1}}));
}

BOOST_AUTO_TEST_CASE(the_best_of_every_group_stay) {
  const lists scores{{9, 8, 7}, {1, 3, 2}};
  const std::vector<double> costs{1, 1};
  BOOST_TEST((select_globally(scores, costs, 0.5, 0) == kept{{0, 1, 2}, {}}));
  BOOST_TEST((select_globally(scores, costs, 0.5, 1) == kept{{0, 1}, {1}}));
  BOOST_TEST((select_globally(scores, costs, 1, 2) == kept{{0, 1}, {1, 2}}));
  BOOST_TEST((select_globally(scores, costs, 1, 9) == kept{{0, 1, 2}, {0, 1, 2}}));
}

BOOST_AUTO_TEST_CASE(it_is_the_nearest_prefix_and_what_is_kept_is_nested) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> few(0, 9);
  for (int round = 0; round < 20; ++round) {
    lists scores(4);
    std::vector<double> costs{5, 5, 1, 2};
    double total = 0;
    for (std::size_t g = 0; g < 4; ++g)
      for (int k = 0; k < 12; ++k) {
        scores[g].push_back(few(random));
        total += costs[g];
      }
    kept before = select_globally(scores, costs, 0, 0);
    for (const double sparsity : {0.1, 0.3, 0.55, 0.8, 1.0}) {
      const kept now = select_globally(scores, costs, sparsity, 0);
      double spent = 0;
      for (std::size_t g = 0; g < 4; ++g) {
        spent += costs[g] * static_cast<double>(now[g].size());
        BOOST_TEST(std::includes(before[g].begin(), before[g].end(), now[g].begin(), now[g].end()));
      }
      BOOST_TEST(std::abs(spent - (1 - sparsity) * total) <= 2.5);  // half of the largest cost
      before = now;
    }
  }
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const lists scores{{1, 2}};
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 2", [&] {
    select_globally(scores, std::vector<double>{1}, 2);
  });
  support::check_error<tamp::shape_error>("select_globally: 2 costs for 1 groups", [&] {
    select_globally(scores, std::vector<double>{1, 1}, 0.5);
  });
  support::check_error<tamp::value_error>("select_globally: a unit of group 0 costs 0", [&] {
    select_globally(scores, std::vector<double>{0}, 0.5);
  });
  support::check_error<tamp::value_error>("select_globally: the score of unit 0 is inf", [&] {
    select_globally(lists{{INFINITY}}, std::vector<double>{1}, 0.5);
  });
  support::check_error<tamp::value_error>(
      "select_globally: the costs of 4 units are too large to be summed",
      [&] { select_globally(lists{{1, 2}, {1, 2}}, std::vector<double>{1e308, 1e308}, 0); });
  BOOST_TEST(select_globally({}, {}, 0.5).empty());
}

BOOST_AUTO_TEST_SUITE_END()
