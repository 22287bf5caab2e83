#include <tamp/allocate/lamp.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <random>
#include <tamp/execute/sequential.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_lamp)

using support::matrix;
using tamp::allocate::lamp;
using tamp::execute::sequential;

namespace {

// The definition: score everything, sort everything.
std::vector<std::size_t> by_sorting(const support::units<>& units, double sparsity) {
  std::vector<std::pair<double, std::size_t>> scores;
  for (std::size_t u = 0; u < units.size(); ++u)
    for (const auto& layer : units.all[u].layers) {
      const matrix<float>& w = layer.weight;
      std::vector<double> squares;
      for (std::size_t k = 0; k < w.rows() * w.cols(); ++k)
        squares.push_back(double{w.data()[k]} * double{w.data()[k]});
      std::sort(squares.rbegin(), squares.rend());
      double sum = 0;
      for (const double s : squares) {
        sum += s;
        scores.emplace_back(sum == 0 ? 0.0 : s / sum, u);
      }
    }
  std::sort(scores.begin(), scores.end());
  std::vector<std::size_t> dropped(units.size(), 0);
  for (std::size_t k = 0;
       k < static_cast<std::size_t>(static_cast<double>(scores.size()) * sparsity); ++k)
    ++dropped[scores[k].second];
  return dropped;
}

std::vector<std::size_t> counts(const support::units<>& units, const std::vector<double>& answer) {
  std::vector<std::size_t> dropped;
  for (std::size_t u = 0; u < units.size(); ++u)
    dropped.push_back(static_cast<std::size_t>(
        std::llround(answer[u] * static_cast<double>(units.num_params(u)))));
  return dropped;
}

// Scores 1/14, 4/13, 1 and 4/24, 4/20, 1.
const auto two_layers = support::units<>::of_layers({{"a", {{3, -1, 2}}}, {"b", {{2}, {4}, {-2}}}});

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const auto answer = lamp{0.5}(sequential{}, two_layers);
  BOOST_TEST(answer.sparsities == (std::vector{1.0 / 3, 2.0 / 3}),
             boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(floor_n_s_go_where_the_published_code_keeps_round_n_1_minus_s) {
  const auto units = support::units<>::of_layers({{"a", {{1, 2, 3}}}, {"b", {{1, 5}}}});
  // Of 5 weights floor(2.5) = 2 go; the published code keeps round(2.5) = 2, and takes another of a.
  BOOST_TEST(lamp{0.5}(sequential{}, units).drops == (std::vector<std::size_t>{1, 1}),
             boost::test_tools::per_element());
  // floor(1.5) = 1 goes, and round(3.5) = 4 stay.
  BOOST_TEST(lamp{0.3}(sequential{}, units).drops == (std::vector<std::size_t>{0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(among_equal_scores_the_lower_unit_loses_first) {
  // All but one of six: both largest weights score 1.
  BOOST_TEST(lamp{5.0 / 6}(sequential{}, two_layers).sparsities == (std::vector{1.0, 2.0 / 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(zeros_go_first) {
  const auto units = support::units<>::of_layers({{"a", matrix<float>(2, 2, 1.0f)},
                                                  {"b", matrix<float>(2, 2)},
                                                  {"c", {{0, -0.0f, 1e-30f, 5}}}});
  BOOST_TEST(lamp{0.5}(sequential{}, units).sparsities == (std::vector{0.0, 1.0, 0.5}),
             boost::test_tools::per_element());
  BOOST_TEST(lamp{0.25}(sequential{}, units).sparsities == (std::vector{0.0, 0.75, 0.0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_of_several_layers_scores_each_by_itself) {
  const support::units<> units{{{"u", {two_layers.all[0].layers[0], two_layers.all[1].layers[0]}},
                                {"v", {{"c", {{1, 1, 1, 1}}}}}}};
  // The scores of c are 1/4, 1/3, 1/2, 1: the five lowest of ten are 1/14, 4/24, 4/20 | 1/4 | 4/13.
  BOOST_TEST(lamp{0.5}(sequential{}, units).sparsities == (std::vector{4.0 / 6, 1.0 / 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_and_all_and_empty_layers) {
  BOOST_TEST(lamp{0}(sequential{}, two_layers).sparsities == std::vector(2, 0.0),
             boost::test_tools::per_element());
  BOOST_TEST(lamp{1}(sequential{}, two_layers).sparsities == std::vector(2, 1.0),
             boost::test_tools::per_element());
  auto units = two_layers;
  units.all.push_back({"c", {{"c", matrix<float>(0, 3)}}});
  BOOST_TEST(lamp{0.5}(sequential{}, units).sparsities == (std::vector{1.0 / 3, 2.0 / 3, 0.5}),
             boost::test_tools::per_element());
  BOOST_TEST(lamp{}(sequential{}, support::units<>{}).sparsities.empty());
}

BOOST_AUTO_TEST_CASE(counts_are_those_of_sorting_everything) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 12; ++round) {
    support::units<> units;
    for (unsigned u = 0; u < 5; ++u) {
      const std::size_t rows = 1 + random() % 20, cols = 1 + random() % 30;
      auto w = round % 3 == 0 ? support::matrix_of_ties(rows, cols, 10 * round + u)
                              : support::random_matrix(rows, cols, 10 * round + u);
      if (round % 2 == 0)
        for (std::size_t k = 0; k < rows * cols; ++k) w.data()[k] *= std::abs(w.data()[k]);
      units.all.push_back({"u", {{"l", w}}});
    }
    const double sparsity = 0.05 + 0.9 * (round + 0.5) / 12;
    const auto answer = lamp{sparsity}(sequential{}, units);
    BOOST_TEST(counts(units, answer.sparsities) == by_sorting(units, sparsity),
               boost::test_tools::per_element());
    BOOST_TEST(answer.drops == by_sorting(units, sparsity), boost::test_tools::per_element());
    for (std::size_t u = 0; u < units.size(); ++u)
      BOOST_TEST(answer.drops[u] ==
                 tamp::detail::drop_count(units.num_params(u), answer.sparsities[u]));
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor) {
  const auto units = support::units<>::of_layers({{"a", support::random_matrix(31, 7, 1)},
                                                  {"b", support::random_matrix(3, 70, 2)},
                                                  {"c", support::matrix_of_ties(9, 9, 3)}});
  const auto expected = lamp{0.6}(sequential{}, units).sparsities;
  for (const auto& exec : support::every_executor)
    BOOST_TEST(lamp{0.6}(exec, units).sparsities == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(scaling_a_layer_changes_nothing) {
  auto units = two_layers;
  for (std::size_t k = 0; k < 3; ++k) units.all[1].layers[0].weight.data()[k] *= 1024;
  BOOST_TEST(lamp{0.5}(sequential{}, units).sparsities == (std::vector{1.0 / 3, 2.0 / 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not -1",
                                          [] { lamp{-1}(sequential{}, two_layers); });
  auto units = two_layers;
  units.all[1].layers[0].weight(2, 0) = support::infinity;
  support::check_error<tamp::value_error>("lamp: the weight in row 2, column 0 of b is inf",
                                          [&] { lamp{}(sequential{}, units); });
  support::units<tamp::detail::no_statistics, matrix<double>> large{
      {{"u", {{"l", {{1e200, 1e-3}}}}}}};
  support::check_error<tamp::value_error>(
      "lamp: the squares of the weights of l are too large to be summed",
      [&] { lamp{}(sequential{}, large); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<lamp, tamp::role::allocate>);
  static_assert(!tamp::detail::needs_statistic<lamp>);
  BOOST_TEST(tamp::label(lamp{0.7}) == "lamp 0.7");
  BOOST_TEST((lamp{0.7} != lamp{0.6}));
}

BOOST_AUTO_TEST_SUITE_END()
