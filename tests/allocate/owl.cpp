#include <tamp/allocate/owl.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <tamp/execute/sequential.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_owl)

using support::matrix;
using tamp::allocate::owl;
using tamp::execute::sequential;
using tamp::score::magnitude;
using tamp::stat::column_norm;

namespace {

using plain_units = support::units<>;
using seen_units = support::units<column_norm>;

column_norm norms_of(const matrix<float>& x) { return column_norm().add(sequential{}, x); }

/// One unit of ten weights with `outliers` of 100, the others 1 or less: 100 is above 2.5 * mean
/// for up to three of them.
matrix<float> with_outliers(std::size_t outliers) {
  matrix<float> w(2, 5, 1.0f);
  for (std::size_t k = 0; k < outliers; ++k) w.data()[k] = k % 2 == 0 ? 100.0f : -100.0f;
  return w;
}

plain_units three_blocks() {
  return {{{"block 0", {{"a", with_outliers(0)}}},
           {"block 1", {{"b", with_outliers(1)}}},
           {"block 2", {{"c", with_outliers(2)}}}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Outlier ratios 0, 10, 20 %: scaled 0, 0.1, 0.2, mean 0.1.
  const owl<magnitude> policy{0.5, 2.5, 0.1, {}};
  const auto answer = policy(sequential{}, three_blocks());
  BOOST_REQUIRE(answer.sparsities.size() == 3u);
  BOOST_TEST(answer.sparsities[0] == 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.5, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[2] == 0.4, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(the_block_with_more_outliers_keeps_more_where_the_code_of_tamp_inverts_it) {
  // Scaled 0.16 and 0, mean 0.08. TAMP's code returns 0.58 and 0.42 as sparsities.
  const auto answer =
      owl<magnitude>{0.5}.distribute(std::vector{1.0, 0.0}, std::vector<std::size_t>{5, 5});
  BOOST_TEST(answer.sparsities[0] == 0.42, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.58, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(blocks_count_by_their_weights_where_the_published_code_counts_blocks) {
  // Published: 0.42 and 0.58, which drops 0.46 of 20 weights.
  const auto answer =
      owl<magnitude>{0.5}.distribute(std::vector{1.0, 0.0}, std::vector<std::size_t>{15, 5});
  BOOST_TEST(answer.sparsities[0] == 0.46, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.62, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_all_layers_of_a_unit) {
  // 100 is no outlier of its own layer, whose mean it is, but one of the block: mean 20.8.
  const plain_units units{{{"block 0", {{"a", matrix<float>(1, 4, 1.0f)}, {"b", {{100}}}}},
                           {"block 1", {{"c", matrix<float>(1, 5, 3.0f)}}}}};
  const auto answer = owl<magnitude>{0.5, 4, 0.1, {}}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.4, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.6, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(the_score_weighs_inputs) {
  // The weights are all alike: only the inputs make one of four scores stand out.
  const matrix<float> w(1, 4, 1.0f);
  const seen_units units{{{"block 0", {{"a", w, norms_of({{1, 1, 1, 97}})}}},
                          {"block 1", {{"b", w, norms_of({{1, 1, 1, 1}})}}}}};
  const auto answer = owl<>{0.5, 3, 0.08}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.42, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.58, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_score_that_knows_its_rows_will_do) {
  // Row and column sums 4 and 1: every score is 1/4 + 1 or, for the weight of 9 among zeros, 2.
  const seen_units units{{{"block 0", {{"a", {{1, 1, 1, 1}}, norms_of({{1, 1, 1, 1}})}}},
                          {"block 1", {{"b", {{0, 9, 0, 0}}, norms_of({{1, 1, 1, 1}})}}}}};
  const auto answer = owl<tamp::score::ria>{0.5, 3, 0.08, {}}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.58, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.42, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(equal_ratios_are_uniform_and_a_note_says_so) {
  const auto answer =
      owl<magnitude>{0.7}.distribute(std::vector{3.0, 3.0, 3.0}, std::vector<std::size_t>{1, 2, 3});
  BOOST_TEST(answer.sparsities == std::vector(3, 0.7), boost::test_tools::per_element());
  BOOST_TEST(
      answer.notes == std::vector<std::string>{"owl: the outlier ratio is the same everywhere, so "
                                               "that all units get the sparsity 0.7"},
      boost::test_tools::per_element());
  BOOST_TEST(
      owl<magnitude>{0.7}.distribute(std::vector{3.0}, std::vector<std::size_t>{1}).notes.empty());
  BOOST_TEST(owl<magnitude>{0.7}.distribute({}, {}).sparsities.empty());
}

BOOST_AUTO_TEST_CASE(zeros_have_no_outliers) {
  const plain_units units{
      {{"block 0", {{"a", matrix<float>(2, 5)}}}, {"block 1", {{"b", with_outliers(1)}}}}};
  const auto answer = owl<magnitude>{0.5, 2.5, 0.1, {}}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.6, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_layer_that_saw_nothing_has_no_part) {
  const matrix<float> w(1, 4, 1.0f);
  const seen_units units{{{"block 0", {{"a", w, norms_of({{1, 1, 1, 97}})}, {"b", w, {}}}},
                          {"block 1", {{"c", w, norms_of({{1, 1, 1, 1}})}}},
                          {"block 2", {{"d", w, {}}}}}};
  const auto answer = owl<>{0.5, 3, 0.08}(sequential{}, units);
  // Ratios 25, 0 and, standing in, 12.5; the first block has twice the weights of the others.
  const double mean = (2 * 0.16 + 0 + 0.08) / 4;
  BOOST_TEST(answer.sparsities[0] == 0.5 - 0.16 + mean, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.5 + mean, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[2] == 0.5 - 0.08 + mean, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(
      answer.notes == (std::vector<std::string>{
                          "owl: b saw no token, and has no part in the outlier ratio of block 0",
                          "owl: d saw no token, and has no part in the outlier ratio of block 2",
                          "owl: no outlier ratio could be measured for block 2; the mean of the "
                          "other units stands "
                          "in"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_wide_interval_is_clamped_and_stays_on_target) {
  const owl<magnitude> policy{0.9, 5, 0.5, {}};
  const std::vector<std::size_t> sizes{10, 10, 10, 10};
  const auto answer = policy.distribute(std::vector{0.0, 0.0, 0.0, 8.0}, sizes);
  BOOST_TEST(answer.sparsities[0] == 1.0);
  BOOST_TEST(answer.sparsities[3] == 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(support::mean_sparsity(answer.sparsities, sizes) == 0.9,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor_or_the_layout) {
  support::units<column_norm, tamp::matrix_view<float>> units;
  std::vector<matrix<float>> weights, transposed;
  for (unsigned u = 0; u < 4; ++u) {
    weights.push_back(support::random_matrix(37, 23, u));
    for (std::size_t k = 0; k < 37 * 23; k += 3 + u) weights.back().data()[k] *= 20;
  }
  const auto seen = norms_of(support::random_matrix(9, 23, 8));
  for (auto& w : weights) units.all.push_back({"u", {{"l", tamp::view(w), seen}}});
  const auto expected = owl<>{0.6, 4}(sequential{}, units).sparsities;
  BOOST_TEST(expected[0] != expected[3]);
  for (const auto& exec : support::every_executor)
    BOOST_TEST(owl<>({0.6, 4})(exec, units).sparsities == expected,
               boost::test_tools::per_element());
  for (auto& unit : units.all) {
    const auto w = unit.layers[0].weight;
    auto& columns = transposed.emplace_back(23, 37);
    for (std::size_t i = 0; i < 37; ++i)
      for (std::size_t j = 0; j < 23; ++j) columns(j, i) = w(i, j);
  }
  for (std::size_t u = 0; u < 4; ++u)
    units.all[u].layers[0].weight = tamp::view(transposed[u]).transposed();
  BOOST_TEST(owl<>({0.6, 4})(sequential{}, units).sparsities == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(scaling_a_block_changes_nothing) {
  auto units = three_blocks();
  const auto expected = owl<magnitude>{0.5, 2.5, 0.1, {}}(sequential{}, units).sparsities;
  for (std::size_t k = 0; k < 10; ++k) units.all[1].layers[0].weight.data()[k] *= 8;
  BOOST_TEST((owl<magnitude>{0.5, 2.5, 0.1, {}}(sequential{}, units).sparsities) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const auto share = [](owl<magnitude> policy) {
    policy.distribute(std::vector{1.0, 2.0}, std::vector<std::size_t>{1, 1});
  };
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not -0.1",
                                          [&] { share({-0.1}); });
  support::check_error<tamp::value_error>("owl: M is a finite number of at least 0, not -1",
                                          [&] { share({0.5, -1}); });
  support::check_error<tamp::value_error>("owl: lambda lies in [0, 1], and is 1.5",
                                          [&] { share({0.5, 5, 1.5}); });
  support::check_error<tamp::shape_error>("owl: 1 values of the outlier ratio for 2 units", [] {
    owl<magnitude>{}.distribute(std::vector{1.0}, std::vector<std::size_t>{1, 1});
  });
  support::check_error<tamp::value_error>("owl: the outlier ratio of unit 1 is nan", [] {
    owl<magnitude>{}.distribute(std::vector<double>{1.0, NAN}, std::vector<std::size_t>{1, 1});
  });
  auto units = three_blocks();
  units.all[1].layers[0].weight(1, 3) = support::not_a_number;
  support::check_error<tamp::value_error>("owl: the weight in row 1, column 3 of b is nan",
                                          [&] { owl<magnitude>{}(sequential{}, units); });
  const seen_units narrow{{{"block 0", {{"a", matrix<float>(1, 4, 1.0f), norms_of({{1, 2}})}}}}};
  support::check_error<tamp::shape_error>(
      "owl: the weight of a has 4 columns, the statistics cover 2",
      [&] { owl<>{}(sequential{}, narrow); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy_that_needs_what_its_score_needs) {
  static_assert(tamp::policy<owl<>, tamp::role::allocate>);
  static_assert(std::is_same_v<tamp::detail::needed_statistic_of<owl<>>, column_norm>);
  static_assert(!tamp::detail::needs_statistic<owl<magnitude>>);
  static_assert(owl<>::unit == tamp::granularity::block);
  BOOST_TEST(tamp::label(owl<>{0.6}) == "owl 0.6 5 0.08 wanda");
  BOOST_TEST((owl<>{0.6} == owl<>{0.6}));
  BOOST_TEST((owl<>{0.6} != owl<>{0.6, 7}));
}

BOOST_AUTO_TEST_SUITE_END()
