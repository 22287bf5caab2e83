#include <tamp/allocate/global_threshold.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <tamp/allocate/concepts.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/model.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_global_threshold)

using support::matrix;
using tamp::allocate::global_threshold;
using tamp::execute::sequential;
using counts = std::vector<std::size_t>;

namespace {

// The definition: sort the magnitudes of all weights, of equal ones those of the lower unit first.
counts by_sorting(const support::units<>& units, double sparsity) {
  std::vector<std::pair<double, std::size_t>> scores;
  for (std::size_t u = 0; u < units.size(); ++u)
    for (const auto& layer : units.all[u].layers)
      for (std::size_t k = 0; k < layer.weight.rows() * layer.weight.cols(); ++k)
        scores.emplace_back(std::abs(layer.weight.data()[k]), u);
  std::sort(scores.begin(), scores.end());
  counts dropped(units.size(), 0);
  for (std::size_t k = 0;
       k < static_cast<std::size_t>(static_cast<double>(scores.size()) * sparsity); ++k)
    ++dropped[scores[k].second];
  return dropped;
}

const auto two_layers = support::units<>::of_layers({{"a", {{3, -1, 2}}}, {"b", {{2}, {4}, {-2}}}});

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 1 of a, 2 of a, 2 of b, 2 of b, 3 of a, 4 of b.
  BOOST_TEST(global_threshold<>{1.0 / 3}(sequential{}, two_layers).drops == (counts{2, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(global_threshold<>{0.5}(sequential{}, two_layers).drops == (counts{2, 1}),
             boost::test_tools::per_element());
  const auto answer = global_threshold<>{5.0 / 6}(sequential{}, two_layers);
  BOOST_TEST(answer.drops == (counts{3, 2}), boost::test_tools::per_element());
  BOOST_TEST(answer.sparsities == (std::vector{1.0, 2.0 / 3}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(nothing_and_all_and_empty_layers) {
  BOOST_TEST(global_threshold<>{0}(sequential{}, two_layers).drops == (counts{0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(global_threshold<>{1}(sequential{}, two_layers).drops == (counts{3, 3}),
             boost::test_tools::per_element());
  auto units = two_layers;
  units.all.push_back({"c", {{"c", matrix<float>(0, 3)}}});
  BOOST_TEST(global_threshold<>{0.5}(sequential{}, units).drops == (counts{2, 1, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(global_threshold<>{}(sequential{}, support::units<>{}).drops.empty());
}

BOOST_AUTO_TEST_CASE(counts_are_those_of_sorting_everything_for_any_executor) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 12; ++round) {
    support::units<> units;
    for (unsigned u = 0; u < 5; ++u) {
      const std::size_t rows = 1 + random() % 20, cols = 1 + random() % 30;
      units.all.push_back(
          {"u",
           {{"l", round % 3 == 0 ? support::matrix_of_ties(rows, cols, 10 * round + u)
                                 : support::random_matrix(rows, cols, 10 * round + u)}}});
    }
    const double sparsity = 0.05 + 0.9 * (round + 0.5) / 12;
    for (const auto& exec : support::every_executor) {
      const auto answer = global_threshold<>{sparsity}(exec, units);
      BOOST_TEST(answer.drops == by_sorting(units, sparsity), boost::test_tools::per_element());
      for (std::size_t u = 0; u < units.size(); ++u)
        BOOST_TEST(answer.drops[u] ==
                   tamp::detail::drop_count(units.num_params(u), answer.sparsities[u]));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_model_loses_exactly_its_lowest_magnitudes) {
  support::open_mlp host(3, 6, 10, 1);
  const auto recipe =
      tamp::compose(tamp::score::magnitude{}, global_threshold<>{0.4}, tamp::pattern::per_tensor{});
  BOOST_TEST(recipe.label() == "magnitude, global_threshold 0.4 magnitude, per_tensor");
  std::vector<float> before, after;
  const auto read = [&](std::vector<float>& all) {
    for (std::size_t b = 0; b < host.blocks(); ++b)
      host.visit_layers(b, [&](std::string_view, auto&& weight) {
        for (std::size_t i = 0; i < weight.rows(); ++i)
          for (std::size_t j = 0; j < weight.cols(); ++j) all.push_back(std::abs(weight(i, j)));
      });
  };
  read(before);
  const auto report = tamp::prune_model(host, recipe);
  read(after);
  std::vector<float> sorted = before;
  std::sort(sorted.begin(), sorted.end());
  const auto drop = static_cast<std::size_t>(0.4 * static_cast<double>(before.size()));
  for (std::size_t k = 0; k < before.size(); ++k)
    BOOST_TEST((after[k] == 0) == (before[k] < sorted[drop]));
}

BOOST_AUTO_TEST_CASE(a_score_with_a_statistic_reads_it) {
  using by_wanda = global_threshold<tamp::score::wanda>;
  static_assert(std::is_same_v<by_wanda::needs, tamp::stat::column_norm>);
  static_assert(tamp::allocate::by_unit<by_wanda>);
  static_assert(std::is_void_v<global_threshold<>::needs>);
  support::open_mlp host(3, 6, 10, 1);
  const auto plan = tamp::plan(
      host, tamp::compose(tamp::score::wanda{}, by_wanda{0.5}, tamp::pattern::per_tensor{}));
  std::size_t dropped = 0, size = 0;
  for (const auto& layer : plan.layers) {
    dropped += layer.counted().value();
    size += layer.size();
  }
  BOOST_TEST(dropped == size / 2);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_counted_is_refused) {
  BOOST_CHECK_THROW(global_threshold<>{1.5}(sequential{}, two_layers), tamp::value_error);
  auto units = two_layers;
  units.all[1].layers[0].weight(2, 0) = support::infinity;
  support::check_error<tamp::value_error>(
      "global_threshold: the weight in row 2, column 0 of b is inf",
      [&] { static_cast<void>(global_threshold<>{0.5}(sequential{}, units)); });
}

BOOST_AUTO_TEST_CASE(units_with_scores_lose_at_most_all_they_have) {
  // Of 9 weights 8 are to go. The first two units lose floor(0.9 * 3) each, and the third has 3.
  tamp::stat::column_norm seen;
  seen.add(sequential{}, matrix<float>{{1, 1, 1}});
  const support::units<tamp::stat::column_norm> units{{{"a", {{"a", {{1, 2, 3}}, {}}}},
                                                       {"b", {{"b", {{1, 2, 3}}, {}}}},
                                                       {"c", {{"c", {{1, 2, 3}}, seen}}}}};
  const auto answer = global_threshold<tamp::score::wanda>{0.9}(sequential{}, units);
  BOOST_TEST(answer.drops == (counts{2, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.back() ==
             "global_threshold: 1 weight fewer than asked for are dropped, since units that saw no "
             "token lose whole weights");
}

BOOST_AUTO_TEST_SUITE_END()
