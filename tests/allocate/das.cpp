#include <tamp/allocate/das.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <tamp/model/layer_sample.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_das)

using support::matrix;
using tamp::allocate::das;
using tamp::execute::sequential;
using tamp::stat::token_diversity;

namespace {

// The statistics of a layer with these outputs. Of text alone the importance is 2 + 1 - mean cosine
// of pairs: 3 for tokens at right angles, 2 for tokens that are all alike.
token_diversity seen(const matrix<float>& output) {
  const matrix<float> input(output.rows(), 1, 1.0f);
  token_diversity one;
  one.add(sequential{}, tamp::layer_sample<matrix<float>, matrix<float>>{input, output, {}, {}});
  return one;
}
token_diversity diverse() { return seen({{1, 0}, {0, 2}}); }
token_diversity alike() { return seen({{3, 4}, {3, 4}}); }

std::vector<std::int64_t> kept(const std::vector<double>& sparsities,
                               const std::vector<std::size_t>& sizes) {
  std::vector<std::int64_t> counts;
  for (std::size_t u = 0; u < sizes.size(); ++u)
    counts.push_back(std::llround((1 - sparsities[u]) * static_cast<double>(sizes[u])));
  return counts;
}

const std::vector<std::size_t> tens{10, 10, 10};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // All keep ceil(10 * 0.2) = 2 of 10. The other 15 - 6 = 9 are shared 1 : 3 : 5.
  const auto answer = das{0.5, 0.8}.distribute(std::vector{1.0, 3.0, 5.0}, tens);
  BOOST_TEST(kept(answer.sparsities, tens) == (std::vector<std::int64_t>{3, 5, 7}),
             boost::test_tools::per_element());
  BOOST_TEST(answer.sparsities[2] == 1 - 0.7);
  BOOST_TEST(answer.drops == (std::vector<std::size_t>{7, 5, 3}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(what_rounding_gave_too_much_is_taken_back_from_those_that_keep_most) {
  // 9 shared 1 : 1 : 2 is 2.25, 2.25, 4.5, rounded up to 3, 3, 5: two too many.
  const auto answer = das{0.5, 0.8}.distribute(std::vector{1.0, 1.0, 2.0}, tens);
  BOOST_TEST(kept(answer.sparsities, tens) == (std::vector<std::int64_t>{5, 5, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_taken_back_is_given_again_by_the_published_code) {
  // Each keeps 4; the other 3 are shared 0.5, 1, 1.5, rounded up to 1, 1, 2: one too many. The
  // published code adds another to the last unit, whose sparsity is then 0.3.
  const auto answer = das{0.5, 0.6}.distribute(std::vector{1.0, 2.0, 3.0}, tens);
  BOOST_TEST(answer.drops == (std::vector<std::size_t>{5, 5, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_full_unit_leaves_the_rest_to_the_others) {
  // 15 shared 10 : 1 : 1 is 12.5, 1.25, 1.25. The first is cut to 10, the second round begins with
  // one weight left (10 + 2 + 2 = 14), and of its 0.5 + 0.5, rounded up, one is taken back.
  const auto answer = das{0.5, 1.0}.distribute(std::vector{10.0, 1.0, 1.0}, tens);
  BOOST_TEST(kept(answer.sparsities, tens) == (std::vector<std::int64_t>{9, 3, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(shares_do_not_grow_with_the_size) {
  const std::vector<std::size_t> sizes{10, 30};
  const auto answer = das{0.5, 1.0}.distribute(std::vector{2.0, 2.0}, sizes);
  BOOST_TEST(kept(answer.sparsities, sizes) == (std::vector<std::int64_t>{10, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(
      answer.notes ==
          (std::vector<std::string>{
              "das: the importance is the same everywhere, so that all units keep the same "
              "number of weights above their least",
              "das: kept whole, with what they had no room for given to the others: unit 0"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_share_that_is_a_whole_number_is_not_rounded_up) {
  // 45 / 9, where nine times 0.1, one added to the other, would be less than 0.9.
  const std::vector<std::size_t> sizes(9, 10);
  BOOST_TEST(
      (das{0.5, 1.0}.distribute(std::vector(9, 0.1), sizes).sparsities) == std::vector(9, 0.5),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_any_importance_they_share_by_size) {
  const std::vector<std::size_t> sizes{10, 30};
  const auto answer = das{0.5, 0.6}.distribute(std::vector{0.0, 0.0}, sizes);
  BOOST_TEST(answer.sparsities == std::vector(2, 0.5), boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 std::vector<std::string>{"das: every importance is 0, so that the units share by "
                                          "size"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_without_importance_is_held_at_the_largest_sparsity) {
  const std::vector<std::string> names{"a", "b", "c"};
  const auto answer = das{0.5, 0.8}.distribute(std::vector{0.0, 1.0, 1.0}, tens, names);
  BOOST_TEST(answer.sparsities[0] == 0.8);
  BOOST_TEST(answer.notes == std::vector<std::string>{"das: held at max_sparsity 0.8: a"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_the_largest_is_the_target_all_get_it) {
  const auto answer = das{0.5, 0.5}.distribute(std::vector{1.0, 2.0, 3.0}, tens);
  BOOST_TEST(answer.sparsities == std::vector(3, 0.5), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(the_largest_is_a_tenth_above_the_target_unless_given) {
  BOOST_TEST(das{0.5}.highest_sparsity() == 0.6);
  BOOST_TEST(das{0.95}.highest_sparsity() == 1.0);
  BOOST_TEST((das{0.5, 0.7}.highest_sparsity()) == 0.7);
}

BOOST_AUTO_TEST_CASE(nothing_and_all) {
  BOOST_TEST(
      das{0.0}.distribute(std::vector{1.0, 2.0, 3.0}, tens).sparsities == std::vector(3, 0.0),
      boost::test_tools::per_element());
  BOOST_TEST(
      das{1.0}.distribute(std::vector{1.0, 2.0, 3.0}, tens).sparsities == std::vector(3, 1.0),
      boost::test_tools::per_element());
  BOOST_TEST(das{}.distribute({}, {}).sparsities.empty());
  const std::vector<std::size_t> sizes{0, 10};
  BOOST_TEST(
      (das{0.5, 0.7}.distribute(std::vector{1.0, 1.0}, sizes).sparsities) == std::vector(2, 0.5),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_budget_is_met_to_the_weight) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> fraction(0, 1);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::size_t> sizes(1 + random() % 20);
    std::vector<double> importance(sizes.size());
    std::size_t total = 0;
    for (std::size_t& n : sizes) total += n = 1 + random() % 5000;
    for (double& i : importance) i = random() % 6 == 0 ? 0.0 : 3 * fraction(random);
    const das policy{fraction(random), 1.0};
    const auto answer = policy.distribute(importance, sizes);
    std::int64_t sum = 0;
    for (const auto count : kept(answer.sparsities, sizes)) sum += count;
    BOOST_TEST(sum ==
               static_cast<std::int64_t>(static_cast<double>(total) * (1 - policy.sparsity)));
    // The numbers that were decided are those that the sparsities drop, and none less.
    for (std::size_t u = 0; u < sizes.size(); ++u) {
      BOOST_TEST(answer.drops[u] ==
                 sizes[u] - static_cast<std::size_t>(kept(answer.sparsities, sizes)[u]));
      BOOST_TEST(answer.drops[u] == tamp::detail::drop_count(sizes[u], answer.sparsities[u]));
    }
  }
}

BOOST_AUTO_TEST_CASE(diverse_outputs_keep_more) {
  const matrix<float> w(2, 5);
  const auto units = support::units<token_diversity>::of_layers(
      {{"a", w, diverse()}, {"b", w, alike()}, {"c", w, alike()}});
  // Shares of 15: 45/7, 30/7, 30/7, rounded up to 7, 5, 5, two taken back from the first.
  BOOST_TEST(kept((das{0.5, 1.0}(sequential{}, units)).sparsities, tens) ==
                 (std::vector<std::int64_t>{5, 5, 5}),
             boost::test_tools::per_element());
  auto larger = units;
  for (auto& unit : larger.all) unit.layers[0].weight = matrix<float>(70, 10);
  // 1050 weights: 450, 300, 300.
  const auto answer = das{0.5, 1.0}(sequential{}, larger);
  BOOST_TEST(kept(answer.sparsities, {700, 700, 700}) == (std::vector<std::int64_t>{450, 300, 300}),
             boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(a_unit_has_the_mean_importance_of_its_layers_over_weights) {
  // 3 of 300 weights and 2 of 100 are 2.75 of 400; against 2.
  const support::units<token_diversity> units{
      {{"block 0",
        {{"a", matrix<float>(30, 10), diverse()}, {"b", matrix<float>(10, 10), alike()}}},
       {"block 1", {{"c", matrix<float>(40, 10), alike()}}}}};
  const auto expected =
      das{0.525, 1.0}.distribute(std::vector{2.75, 2.0}, std::vector<std::size_t>{400, 400});
  BOOST_TEST((das{0.525, 1.0}(sequential{}, units)).sparsities == expected.sparsities,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_nobody_saw_anything_there_is_nothing_to_compare) {
  const auto units = support::units<token_diversity>::of_layers(
      {{"a", matrix<float>(2, 5), {}}, {"b", matrix<float>(6, 5), {}}});
  support::check_error<tamp::value_error>(
      "das: no importance could be measured of any of 2 units, because no calibration token came "
      "to their layers",
      [&] { das{0.5}(sequential{}, units); });
  BOOST_TEST(das{0.5}(sequential{}, support::units<token_diversity>{}).sparsities.empty());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const auto share = [](das policy) { policy.distribute(std::vector{1.0, 2.0, 3.0}, tens); };
  support::check_error<tamp::value_error>("das: max_sparsity lies in [0.5, 1], and is 0.4",
                                          [&] { share({0.5, 0.4}); });
  support::check_error<tamp::value_error>("das: max_sparsity lies in [0.5, 1], and is 1.1",
                                          [&] { share({0.5, 1.1}); });
  support::check_error<tamp::value_error>("das: max_sparsity lies in [0.5, 1], and is nan",
                                          [&] { share({0.5, NAN}); });
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 2",
                                          [&] { share({2}); });
  support::check_error<tamp::shape_error>("das: 2 values of the importance for 3 units",
                                          [] { das{}.distribute(std::vector{1.0, 2.0}, tens); });
  support::check_error<tamp::value_error>("das: the importance of unit 1 is -2", [] {
    das{}.distribute(std::vector{1.0, -2.0, 3.0}, tens);
  });
  support::check_error<tamp::value_error>("das: the importances are too large to be summed", [] {
    das{}.distribute(std::vector{1e308, 1e308, 1e308}, tens);
  });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<das, tamp::role::allocate>);
  static_assert(das::unit == tamp::granularity::layer);
  BOOST_TEST(tamp::label(das{0.5}) == "das 0.5 0.6");
  BOOST_TEST(tamp::label(das{0.7}) == "das 0.7 0.8");  // though 0.7 + 0.1 is a little less
  BOOST_TEST((das{0.5} == das{0.5}));
  BOOST_TEST((das{0.5} != das{0.5, 0.7}));
}

BOOST_AUTO_TEST_SUITE_END()
