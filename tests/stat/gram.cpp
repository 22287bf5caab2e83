#include <tamp/stat/gram.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/prune/observe.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_gram)

using support::check_error;
using support::matrix;
using tamp::stat::gram;

BOOST_AUTO_TEST_CASE(by_hand) {
  gram g;
  g.add(matrix<float>{{1, 2}, {3, 4}});
  g.add(matrix<float>{{0, -1}});
  const double expected[2][2] = {{10, 14}, {14, 21}};
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) BOOST_TEST(g.matrix()(i, j) == expected[i][j]);
  BOOST_TEST(g.diagonal() == (std::vector<double>{10, 21}), boost::test_tools::per_element());
  BOOST_TEST(g.features() == 2u);
  BOOST_TEST(g.count() == 2u);
  BOOST_TEST(g.tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(an_empty_one_covers_nothing_and_merges_with_anything) {
  gram g;
  BOOST_TEST(g.tokens() == 0u);
  BOOST_TEST(g.matrix().size() == 0u);
  const auto other = tamp::observe<gram>(matrix<float>{{1, 2}});
  BOOST_TEST((g.merge(other) == other));
  BOOST_TEST((g.merge(gram()) == other));
}

BOOST_AUTO_TEST_CASE(a_batch_without_tokens_sets_the_features_alone) {
  gram g;
  g.add(matrix<float>(0, 3));
  BOOST_TEST(g.features() == 3u);
  BOOST_TEST(g.tokens() == 0u);
  BOOST_TEST(g.matrix()(2, 2) == 0.0);
}

BOOST_AUTO_TEST_CASE(it_is_the_product_in_every_layout_on_every_executor) {
  const auto x = support::random_matrix(600, 19, 5);  // more than two batches of tokens
  gram expected;
  expected.add(support::one_thread, x);
  for (std::size_t i = 0; i < 19; ++i)
    for (std::size_t j = 0; j < 19; ++j) {
      double sum = 0;
      for (std::size_t t = 0; t < 600; ++t) sum += double(x(t, i)) * double(x(t, j));
      BOOST_TEST(std::abs(expected.matrix()(i, j) - sum) <= 1e-10);
    }
  for (const auto& exec : support::every_executor)
    support::in_every_layout(x, [&](auto view) {
      gram g;
      g.add(exec, view);
      BOOST_TEST((g == expected));
    });
}

BOOST_AUTO_TEST_CASE(parts_add_up_to_the_whole_to_rounding) {
  const auto first = support::random_matrix(30, 6, 1), second = support::random_matrix(12, 6, 2);
  gram one, other, whole;
  one.add(first);
  other.add(second);
  whole.add(first).add(second);
  gram merged = other;
  merged.merge(one);
  BOOST_TEST(merged.count() == whole.count());
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j)
      BOOST_TEST(std::abs(merged.matrix()(i, j) - whole.matrix()(i, j)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_and_nothing_is_added) {
  auto g = tamp::observe<gram>(matrix<float>{{1, 2, 3}});
  const gram before = g;
  check_error<tamp::shape_error>(
      "gram: a batch of activations has 2 features, the statistics cover 3",
      [&] { g.add(matrix<float>{{1, 2}}); });
  check_error<tamp::shape_error>(
      "gram: the statistics to merge cover 2 features, the statistics cover 3",
      [&] { g.merge(tamp::observe<gram>(matrix<float>{{1, 2}})); });
  check_error<tamp::value_error>("gram: the activation of token 1, feature 2 is nan", [&] {
    g.add(matrix<float>{{1, 2, 3}, {1, 2, support::not_a_number}});
  });
  check_error<tamp::value_error>("gram: a batch of activations needs a weight above 0",
                                 [&] { g.add(matrix<float>{{1, 2, 3}}, 0); });
  BOOST_TEST((g == before));
}

BOOST_AUTO_TEST_CASE(fields_that_contradict_each_other_are_refused) {
  auto g = tamp::observe<gram>(matrix<float>{{1, 2}});
  g.validate();
  const auto with = [&](auto change) {
    gram broken = g;
    gram::fields(broken, [&](std::string_view name, auto& value) { change(name, value); });
    broken.validate();
  };
  check_error<tamp::value_error>("gram: 4 sums for 3 features", [&] {
    with([](std::string_view name, auto& value) {
      if constexpr (requires { value = 3u; })
        if (name == "features") value = 3;
    });
  });
  check_error<tamp::value_error>("gram: the sum for features 1 and 1 is -1", [&] {
    with([](std::string_view, auto& value) {
      if constexpr (requires { value.back(); }) value.back() = -1;
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()
