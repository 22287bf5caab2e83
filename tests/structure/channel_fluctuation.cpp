#include <tamp/structure/channel_fluctuation.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/execute/sequential.hpp>
#include <tamp/stat/column_variance.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(structure_channel_fluctuation)

using numbers = std::vector<double>;
using places = std::vector<std::size_t>;
using support::matrix;
using tamp::structure::bias_of_dropped;
using tamp::structure::channel_fluctuation;
using tamp::structure::fluctuation;

namespace {
const matrix<float> W{{1, 2, 0}, {3, -4, 0}};
}

BOOST_AUTO_TEST_CASE(by_hand) {
  const numbers variances{2, 0.5, 7};
  BOOST_TEST(channel_fluctuation(W, variances) == (numbers{20, 10, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(channel_fluctuation(W, variances, fluctuation::ifv) == variances,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_bias_is_what_the_dropped_channels_gave_on_average) {
  const numbers means{1, 0.5, 9};
  const places kept{2};
  BOOST_TEST(bias_of_dropped(W, means, kept) == (numbers{2, 1}), boost::test_tools::per_element());
  BOOST_TEST(bias_of_dropped(W, means, kept, numbers{10, 20}) == (numbers{12, 21}),
             boost::test_tools::per_element());
  BOOST_TEST(bias_of_dropped(W, means, places{0, 1, 2}) == (numbers{0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(on_inputs_that_are_their_mean_the_bias_is_exact) {
  const matrix<float> w = support::random_matrix(5, 8, 3), x = support::random_matrix(1, 8, 4);
  const auto seen = tamp::stat::column_variance().add(x);
  const places kept{1, 4, 5};
  const auto bias = bias_of_dropped(w, seen.means(), kept);
  for (std::size_t i = 0; i < 5; ++i) {
    double whole = 0, rest = bias[i];
    for (std::size_t j = 0; j < 8; ++j) whole += double(w(i, j)) * double(x(0, j));
    for (const std::size_t j : kept) rest += double(w(i, j)) * double(x(0, j));
    BOOST_TEST(rest == whole, boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(layouts_executors_and_kinds_of_tensor_give_the_same_bits) {
  const matrix<float> w = support::random_matrix(37, 150, 5);
  numbers variances(150), means(150);
  for (std::size_t j = 0; j < 150; ++j) {
    variances[j] = 1 + double(j % 7);
    means[j] = double(j % 5) - 2;
  }
  const places kept{3, 77};
  numbers energies(150, 0.0);
  for (std::size_t i = 0; i < 37; ++i)
    for (std::size_t j = 0; j < 150; ++j) energies[j] += double(w(i, j)) * double(w(i, j));
  for (std::size_t j = 0; j < 150; ++j) energies[j] *= variances[j];
  const numbers bias = bias_of_dropped(tamp::execute::sequential{}, w, means, kept);
  support::in_every_layout(w, [&](const auto& m) {
    BOOST_TEST(channel_fluctuation(m, variances) == energies, boost::test_tools::per_element());
    BOOST_TEST(bias_of_dropped(m, means, kept) == bias, boost::test_tools::per_element());
  });
  const support::readable_rows rows{w};
  BOOST_TEST(channel_fluctuation(rows, variances) == energies, boost::test_tools::per_element());
  BOOST_TEST(bias_of_dropped(rows, means, kept) == bias, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const numbers variances{1, 1, 1};
  support::check_error<tamp::shape_error>(
      "channel_fluctuation: weight has 3 columns, the statistics cover 2",
      [&] { channel_fluctuation(W, numbers{1, 1}); });
  support::check_error<tamp::value_error>("channel_fluctuation: the variance of feature 2 is -1",
                                          [&] { channel_fluctuation(W, numbers{1, 1, -1}); });
  support::check_error<tamp::value_error>(
      "channel_fluctuation: the weight in row 0, column 1 is inf",
      [&] { channel_fluctuation(matrix<float>{{1, INFINITY}}, numbers{1, 1}); });
  support::check_error<tamp::value_error>(
      "channel_fluctuation: the squares of column 0 are too large to be summed",
      [&] { channel_fluctuation(matrix<double>{{1e200}}, numbers{1}); });
  support::check_error<tamp::value_error>(
      "channel_fluctuation: the score of channel 0 is too large",
      [&] { channel_fluctuation(matrix<float>{{1e30f}}, numbers{1e300}); });
  support::check_error<tamp::shape_error>(
      "bias_of_dropped: weight has 3 columns, the statistics cover 1",
      [&] { bias_of_dropped(W, numbers{1}, places{0}); });
  support::check_error<tamp::shape_error>("bias_of_dropped: weight has 2 rows, the bias 3", [&] {
    bias_of_dropped(W, variances, places{0}, numbers{1, 2, 3});
  });
  support::check_error<tamp::value_error>(
      "bias_of_dropped: channel 0 cannot stay in place 1: kept channels ascend, and are below 3",
      [&] { bias_of_dropped(W, variances, places{1, 0}); });
  support::check_error<tamp::value_error>("bias_of_dropped: the mean of feature 0 is nan", [&] {
    bias_of_dropped(W, numbers{NAN, 1, 1}, places{0});
  });
}

BOOST_AUTO_TEST_SUITE_END()
