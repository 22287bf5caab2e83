#include <tamp/prune/observe.hpp>

#include <tamp/stat/column_norm.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(prune_observe)

using support::matrix;
using tamp::stat::column_norm;

BOOST_AUTO_TEST_CASE(by_hand) {
  auto norms = tamp::observe<column_norm>(matrix<float>{{3, 0, 1, 2}, {4, 0, 1, 0}});
  BOOST_TEST(norms.values()[0] == 5.0f);
  BOOST_TEST(norms.values()[1] == 0.0f);
  BOOST_TEST(norms.values()[2] == std::sqrt(2.0f));
  norms.add(matrix<float>{{5, 0, 0, 2}});
  BOOST_TEST(norms.values()[0] == 5.0f);  // sqrt((25 + 25) / 2)
  BOOST_TEST(norms.count() == 2u);
}

BOOST_AUTO_TEST_CASE(it_is_one_call_of_add_on_any_executor) {
  const auto x = support::random_matrix(9, 20, 1);
  column_norm expected;
  expected.add(x);
  BOOST_TEST((tamp::observe<column_norm>(x) == expected));
  for (const auto& exec : support::every_executor)
    BOOST_TEST((tamp::observe<column_norm>(exec, x) == expected));
  for (const int threads : {1, 2, 3, 8})
    BOOST_TEST((tamp::observe<column_norm>(tamp::execute::openmp{threads, 0}, x) == expected));
}

BOOST_AUTO_TEST_CASE(what_add_refuses_is_refused) {
  matrix<float> x(2, 2);
  x(1, 1) = support::not_a_number;
  support::check_error<tamp::value_error>(
      "column_norm: the activation of token 1, feature 1 is nan",
      [&] { tamp::observe<column_norm>(x); });
}

BOOST_AUTO_TEST_SUITE_END()
