#include <tamp/allocate/by_error.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <string>
#include <tamp/allocate/concepts.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/refine/refined.hpp>
#include <tamp/refine/repair.hpp>
#include <tamp/refine/swaps.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/joint.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"
#include "../support/thorough.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_by_error)

using support::matrix;
using tamp::allocate::by_error;
using tamp::execute::sequential;
using tamp::score::magnitude;
using tamp::score::wanda;
using tamp::stat::gram;
using counts = std::vector<std::size_t>;

namespace {

gram seen(const matrix<float>& inputs) {
  gram all;
  all.add(sequential{}, inputs);
  return all;
}

counts drops(const std::vector<std::vector<double>>& costs, const counts& sizes, double sparsity,
             double reach = 1) {
  const by_error<> by{.sparsity = sparsity, .reach = reach, .levels = costs.front().size()};
  return by.distribute(costs, sizes).drops;
}

std::size_t sum(const counts& numbers) {
  std::size_t total = 0;
  for (const std::size_t n : numbers) total += n;
  return total;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Half of 2 x 10 weights. The first unit costs 1 for each weight, the second 4: the first loses
  // all ten.
  BOOST_TEST(drops({{0, 10}, {0, 40}}, {10, 10}, 0.5) == (counts{10, 0}),
             boost::test_tools::per_element());
  // The costs of the first unit rise steeply in its second half.
  BOOST_TEST(drops({{0, 5, 100}, {0, 20, 40}}, {10, 10}, 0.5) == (counts{5, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_unit_leaves_its_reach_of_the_target) {
  BOOST_TEST(drops({{0, 10}, {0, 40}}, {100, 100}, 0.5, 0.2) == (counts{70, 30}),
             boost::test_tools::per_element());
  BOOST_TEST(drops({{0, 10}, {0, 40}}, {100, 100}, 0.9, 0.2) == (counts{100, 80}),
             boost::test_tools::per_element());
  BOOST_TEST(drops({{0, 10}, {0, 40}}, {100, 100}, 0.5, 0) == (counts{50, 50}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(counts_are_exact) {
  std::mt19937 random(2);
  for (std::size_t round = 0; round < (support::is_thorough() ? 60u : 10u); ++round) {
    const std::size_t units = 1 + random() % 12;
    std::vector<std::vector<double>> costs(units);
    counts sizes;
    for (auto& unit : costs) {
      double cost = 0;
      for (int k = 0; k < 5; ++k) unit.push_back(cost += double(random() % 100));
      sizes.push_back(round % 2 == 0 ? random() % 50 : random() % 1000000);
    }
    const double sparsity = double(random() % 101) / 100;
    const counts found = drops(costs, sizes, sparsity, double(random() % 101) / 100);
    BOOST_TEST(sum(found) == tamp::detail::drop_count(sum(sizes), sparsity));
    for (std::size_t u = 0; u < units; ++u) BOOST_TEST(found[u] <= sizes[u]);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const auto distribute = [](by_error<> by, const std::vector<std::vector<double>>& costs,
                             const counts& sizes) {
    static_cast<void>(by.distribute(costs, sizes));
  };
  BOOST_CHECK_THROW(distribute({.sparsity = 1.5, .levels = 2}, {{0, 1}}, {1}), tamp::value_error);
  BOOST_CHECK_THROW(distribute({.reach = -1, .levels = 2}, {{0, 1}}, {1}), tamp::value_error);
  BOOST_CHECK_THROW(distribute({.levels = 1}, {{0}}, {1}), tamp::value_error);
  BOOST_CHECK_THROW(distribute({.levels = 2}, {{0, -1}}, {1}), tamp::value_error);
  BOOST_CHECK_THROW(distribute({.levels = 2}, {{0, 1}}, {1, 1}), tamp::shape_error);
  support::check_error<tamp::value_error>(
      "by_error: the costs of 2 units are too large to be summed",
      [&] { distribute({.levels = 2}, {{0, 1.5e308}, {0, 1.5e308}}, {1, 1}); });
  support::check_error<tamp::shape_error>("by_error: 3 costs of unit 0 for 2 levels",
                                          [&] { distribute({.levels = 2}, {{0, 1, 2}}, {1}); });
}

BOOST_AUTO_TEST_CASE(costs_are_the_errors_of_the_layers) {
  // Orthogonal inputs, so that the error of a mask is the sum of dropped squares. The second layer
  // has one large weight in each row, and loses its others at little cost.
  const matrix<float> one_hot{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
  const support::units<gram> units{{{"even", {{"even", {{1, 1, 1, 1}}, seen(one_hot)}}},
                                    {"one", {{"one", {{9, 0.1f, 0.1f, 0.1f}}, seen(one_hot)}}}}};
  const by_error<magnitude> by{.sparsity = 0.5, .reach = 0.5, .levels = 5};
  BOOST_TEST(by(sequential{}, units).drops == (counts{1, 3}), boost::test_tools::per_element());
  for (const auto& exec : support::every_executor)
    BOOST_TEST(by(exec, units).drops == (counts{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_are_relative_or_absolute) {
  const matrix<float> one_hot{{1, 0}, {0, 1}};
  // The first layer is ten times the second. Their relative errors are equal, and the later unit
  // loses less; the absolute ones let the first stay.
  const support::units<gram> units{
      {{"a", {{"a", {{10, 10}}, seen(one_hot)}}}, {"b", {{"b", {{1, 1}}, seen(one_hot)}}}}};
  by_error<magnitude> by{.sparsity = 0.5, .reach = 0.5, .levels = 3};
  BOOST_TEST(by(sequential{}, units).drops == (counts{2, 0}), boost::test_tools::per_element());
  by.relative = false;
  BOOST_TEST(by(sequential{}, units).drops == (counts{0, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_that_saw_no_token_loses_its_share) {
  const matrix<float> one_hot{{1, 0}, {0, 1}};
  const support::units<gram> units{
      {{"a", {{"a", {{1, 2}, {3, 4}}, {}}}}, {"b", {{"b", {{1, 2}, {3, 4}}, seen(one_hot)}}}}};
  const auto answer = by_error<magnitude>{.sparsity = 0.5}(sequential{}, units);
  BOOST_TEST(answer.drops == (counts{2, 2}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.size() == 1u);
  BOOST_TEST(answer.notes.front() == "by_error: a saw no token, and a is not measured");
  const support::units<gram> none{{{"a", {{"a", {{1, 2}}, {}}}}}};
  support::check_error<tamp::value_error>("by_error: no layer of 1 unit saw a token", [&] {
    static_cast<void>(by_error<magnitude>{}(sequential{}, none));
  });
}

BOOST_AUTO_TEST_CASE(it_reads_what_its_score_reads_and_a_gram_matrix) {
  using swapped = tamp::refine::refined<wanda, tamp::refine::swaps>;
  static_assert(std::is_same_v<by_error<magnitude>::needs, gram>);
  static_assert(
      std::is_same_v<by_error<wanda>::needs, tamp::stat::joint<tamp::stat::column_norm, gram>>);
  static_assert(std::is_same_v<by_error<tamp::score::sparsegpt>::needs, gram>);
  static_assert(std::is_same_v<by_error<swapped>::needs, swapped::needs>);
  static_assert(tamp::allocate::by_unit<by_error<swapped>>);
  BOOST_TEST((by_error<magnitude, tamp::pattern::per_tensor>{}.label()) ==
             "by_error 0.5 0.2 9 256 magnitude per_tensor");
}

BOOST_AUTO_TEST_CASE(models_are_planned_and_pruned_with_any_score) {
  const auto errors_of = [](const auto& score, const auto& allocation) {
    support::open_mlp host(3, 12, 20, 1);
    const auto recipe = tamp::compose(score, tamp::pattern::per_row{}, allocation);
    const auto plan = tamp::plan(host, recipe);
    std::size_t dropped = 0, size = 0;
    for (const auto& layer : plan.layers) {
      dropped += layer.counted().value();
      size += layer.size();
    }
    BOOST_TEST(dropped == size / 2);
    static_cast<void>(tamp::prune_model(host, plan, recipe));
  };
  errors_of(magnitude{}, by_error<magnitude>{});
  errors_of(wanda{}, by_error<wanda>{.rows = 5});
  errors_of(tamp::score::sparsegpt{}, by_error<tamp::score::sparsegpt>{.levels = 3});
  const tamp::refine::refined<wanda, tamp::refine::swaps> swapped;
  errors_of(swapped, by_error<std::remove_cv_t<decltype(swapped)>>{.score = swapped});
  const tamp::refine::refined<wanda, tamp::refine::repair> repaired;
  errors_of(repaired, by_error<std::remove_cv_t<decltype(repaired)>>{.score = repaired});
}

BOOST_AUTO_TEST_CASE(units_of_any_size_are_distributed) {
  // Levels that the budget excludes take no memory: a unit has 2^40 weights, and none goes.
  BOOST_TEST(drops({{0, 1}}, {std::size_t{1} << 40}, 0) == (counts{0}),
             boost::test_tools::per_element());
  BOOST_TEST(drops({{0, 1}, {0, 2}}, {std::size_t{1} << 40, 10}, 5e-12) == (counts{5, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(units_that_saw_tokens_lose_at_most_all_they_have) {
  // Of 9 weights 8 are to go. The first two units lose floor(0.9 * 3) each, and the third has 3.
  const matrix<float> one_hot{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  const support::units<gram> units{{{"a", {{"a", {{1, 2, 3}}, {}}}},
                                    {"b", {{"b", {{1, 2, 3}}, {}}}},
                                    {"c", {{"c", {{1, 2, 3}}, seen(one_hot)}}}}};
  const auto answer = by_error<magnitude>{.sparsity = 0.9}(sequential{}, units);
  BOOST_TEST(answer.drops == (counts{2, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.back() ==
             "by_error: 1 weight fewer than asked for are dropped, since units that saw no token "
             "lose whole weights");
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_not_a_number_is_named) {
  const matrix<float> one_hot{{1, 0}, {0, 1}};
  for (const bool relative : {true, false}) {
    support::units<gram> units{{{"a", {{"a", {{1, 2}, {3, 4}, {5, 6}, {7, 8}}, seen(one_hot)}}}}};
    units.all[0].layers[0].weight(2, 1) = support::not_a_number;
    support::check_error<tamp::value_error>(
        "by_error: the weight in row 2, column 1 of a is nan", [&] {
          static_cast<void>(
              by_error<magnitude>{.rows = 2, .relative = relative}(sequential{}, units));
        });
  }
}

BOOST_AUTO_TEST_SUITE_END()
