#include <tamp/stat/given_weights.hpp>

#include <boost/test/unit_test.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_given_weights)

using support::matrix;
using tamp::stat::given_weights;
using sample = tamp::layer_sample<matrix<float>, tamp::not_shown>;

BOOST_AUTO_TEST_CASE(they_are_those_of_the_sample) {
  const matrix<float> x{{3}, {4}};
  const std::vector<double> weights{1, 0.5};
  BOOST_TEST(given_weights{}(tamp::execute::sequential{},
                             sample{x, tamp::detail::nothing, {}, {}, weights}) == weights);
  tamp::stat::weighted<tamp::stat::column_norm, given_weights> norms;
  norms.add(sample{x, tamp::detail::nothing, {}, {}, weights});
  BOOST_TEST(norms.sum_of_squares()[0] == 9 + 0.5 * 16);
  BOOST_TEST(norms.label() == "column_norm by given weights");
}

BOOST_AUTO_TEST_CASE(a_sample_with_tokens_needs_them) {
  const matrix<float> x(2, 1), none(0, 1);
  tamp::stat::weighted<tamp::stat::column_norm, given_weights> norms;
  support::check_error<tamp::value_error>(
      "given weights: the host gives a sample of 2 tokens none",
      [&] { norms.add(sample{x, tamp::detail::nothing, {}, {}}); });
  norms.add(sample{none, tamp::detail::nothing, {}, {}});
  BOOST_TEST(norms.count() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
