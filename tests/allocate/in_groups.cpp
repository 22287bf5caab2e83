#include <tamp/allocate/in_groups.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <tamp/allocate/concepts.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/mixed_n_of_m.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <vector>

#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(allocate_in_groups)

using tamp::allocate::in_groups;
using tamp::allocate::owl;
using tamp::allocate::uniform;

namespace {

template <std::size_t M>
std::vector<double> rounded(const std::vector<double>& sparsities,
                            const std::vector<std::size_t>& sizes) {
  return in_groups<M, uniform>{}.round(sparsities, sizes).sparsities;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 8 s = 3.2, 4.8, 4: rounded down 3, 4, 4. One more fits into 0.2 + 0.8 of 1/8, and goes to the
  // unit that lost 0.8.
  BOOST_TEST(rounded<8>({0.4, 0.6, 0.5}, {80, 80, 80}) == (std::vector{0.375, 0.625, 0.5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_too_large_for_what_is_left_is_passed_over) {
  // 4 s = 1.6 of 800 weights and 1.5 of 80: left are 0.6 * 200 + 0.5 * 20 = 130, which does not
  // cover the first unit's 200.
  BOOST_TEST(rounded<4>({0.4, 0.375}, {800, 80}) == (std::vector{0.25, 0.5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_equal_losses_the_later_unit_drops_one_more) {
  BOOST_TEST(rounded<4>({0.375, 0.375}, {40, 40}) == (std::vector{0.25, 0.5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(whole_and_empty_units_stay_so) {
  BOOST_TEST(rounded<8>({0, 1, 0.3}, {80, 80, 80}) == (std::vector{0.0, 1.0, 0.25}),
             boost::test_tools::per_element());
  BOOST_TEST(rounded<8>({0.3}, {0}).front() <= 0.375);
  BOOST_TEST(rounded<8>({}, {}).empty());
}

BOOST_AUTO_TEST_CASE(the_target_is_met_from_below_within_one_step_of_the_largest_unit) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> number(0, 1);
  for (int turn = 0; turn < 200; ++turn) {
    std::vector<double> sparsities;
    std::vector<std::size_t> sizes;
    for (unsigned u = 0; u < 1 + random() % 30; ++u) {
      sparsities.push_back(number(random));
      sizes.push_back(random() % 100000);
    }
    const auto answer = rounded<8>(sparsities, sizes);
    double asked = 0, given = 0, largest = 0;
    for (std::size_t u = 0; u < sizes.size(); ++u) {
      asked += sparsities[u] * static_cast<double>(sizes[u]);
      given += answer[u] * static_cast<double>(sizes[u]);
      largest = std::max(largest, static_cast<double>(sizes[u]));
      BOOST_TEST(answer[u] * 8 == std::round(answer[u] * 8));
      BOOST_TEST(std::abs(answer[u] - sparsities[u]) < 0.125 + 1e-12);
    }
    BOOST_TEST(given <= asked + 1e-3);
    BOOST_TEST(asked - given <= largest / 8 + 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(a_target_of_whole_groups_is_met_exactly) {
  // Ten units that ask for 0.45 to 0.55: the mean is 0.5, and 8 s is never whole.
  std::vector<double> sparsities;
  for (int u = 0; u < 10; ++u) sparsities.push_back(0.455 + 0.01 * u);
  double sum = 0;
  for (const double s : rounded<8>(sparsities, std::vector<std::size_t>(10, 800))) sum += s;
  BOOST_TEST(sum == 5.0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_rounded_is_refused) {
  BOOST_CHECK_THROW(rounded<8>({1.5}, {8}), tamp::value_error);
  BOOST_CHECK_THROW(rounded<8>({std::numeric_limits<double>::quiet_NaN()}, {8}), tamp::value_error);
  BOOST_CHECK_THROW(rounded<8>({0.5}, {8, 8}), tamp::shape_error);
  BOOST_CHECK_THROW(rounded<8>({0.5, 0.5}, {std::size_t(-1), 8}), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(it_asks_and_needs_what_the_other_allocation_does) {
  static_assert(tamp::allocate::by_unit<in_groups<8, owl<>>>);
  static_assert(tamp::allocate::by_unit<in_groups<8, uniform>>);
  static_assert(std::is_same_v<in_groups<8, owl<>>::needs, tamp::stat::column_norm>);
  static_assert(std::is_void_v<in_groups<8, uniform>::needs>);
  static_assert(in_groups<8, owl<>>::unit == tamp::granularity::block);
  BOOST_TEST((in_groups<8, owl<>>{{.sparsity = 0.5}}.label()) ==
             "owl 0.5 5 0.08 wanda in groups of 8");
}

BOOST_AUTO_TEST_CASE(a_model_keeps_a_whole_number_of_every_group) {
  support::open_mlp host(3, 16, 32, 1);
  const auto recipe =
      tamp::compose(tamp::score::wanda{}, in_groups<8, owl<>>{{.sparsity = 0.45, .M = 2}},
                    tamp::pattern::mixed_n_of_m<8>{});
  BOOST_TEST(recipe.label() == "wanda, owl 0.45 2 0.08 wanda in groups of 8, N:8");
  const auto plan = tamp::plan(host, recipe);
  const auto report = tamp::prune_model(host, plan, recipe);
  for (std::size_t k = 0; k < plan.layers.size(); ++k) {
    const auto& layer = plan.layers[k];
    BOOST_TEST(layer.sparsity * 8 == std::round(layer.sparsity * 8));
    BOOST_TEST(report.layers[k].kept ==
               static_cast<std::size_t>(static_cast<double>(layer.size()) * (1 - layer.sparsity)));
  }
  BOOST_TEST(plan.sparsity() <= 0.45);
  BOOST_TEST(plan.sparsity() > 0.45 - 1.0 / 8 / 3);
}

BOOST_AUTO_TEST_SUITE_END()
