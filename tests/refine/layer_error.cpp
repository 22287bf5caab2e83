#include <tamp/refine/layer_error.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(refine_layer_error)

using support::check_error;
using support::gram_of;
using support::matrix;
using support::without_smallest;
using tamp::mask::bitmask;
using tamp::refine::layer_error;
using tamp::stat::gram;

BOOST_AUTO_TEST_CASE(by_hand) {
  // Dropped are 2 of the first row and 3 and 1 of the second: on the tokens (1, 1) and (0, 2) the
  // outputs move by 2 and 0, and by 4 and 2.
  const matrix<float> x{{1, 1}, {0, 2}}, w{{2, 5}, {3, 1}};
  bitmask keep(2, 2, false);
  keep.set(0, 1, true);
  BOOST_TEST(layer_error(w, keep, gram_of(x)) == 4.0 + 16.0 + 4.0);
  BOOST_TEST(layer_error(w, bitmask(2, 2), gram_of(x)) == 0.0);
  // Weights that were changed: by 1 and 0, and by 0 and -1.
  BOOST_TEST(layer_error(w, matrix<float>{{1, 5}, {3, 2}}, gram_of(x)) == 1.0 + 1.0 + 4.0);
}

BOOST_AUTO_TEST_CASE(it_is_the_distance_of_the_outputs) {
  const auto x = support::random_matrix(70, 33, 1), w = support::random_matrix(530, 33, 2);
  const bitmask keep = without_smallest(w);
  matrix<float> pruned = w;
  tamp::apply(pruned, keep);
  double expected = 0;
  for (std::size_t t = 0; t < x.rows(); ++t)
    for (std::size_t i = 0; i < w.rows(); ++i) {
      double y = 0;
      for (std::size_t j = 0; j < w.cols(); ++j)
        y += double(x(t, j)) * (double(w(i, j)) - double(pruned(i, j)));
      expected += y * y;
    }
  const gram g = gram_of(x);
  const double error = layer_error(w, keep, g);
  BOOST_TEST(error == expected, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(error == layer_error(w, pruned, g));
  for (const auto& exec : support::every_executor)
    BOOST_TEST(layer_error(exec, w, keep, g) == error);
  support::in_every_layout(w, [&](auto m) { BOOST_TEST(layer_error(m, keep, g) == error); });
}

BOOST_AUTO_TEST_CASE(tokens_without_a_weight_do_not_count) {
  const auto x = support::random_matrix(4, 6, 1), w = support::random_matrix(3, 6, 2);
  matrix<float> first(2, 6);
  std::copy_n(x.data(), 12, first.data());
  gram weighted;
  weighted.add(x, std::vector<double>{1, 1, 0, 0});
  BOOST_TEST(layer_error(w, without_smallest(w), weighted) ==
             layer_error(w, without_smallest(w), gram_of(first)));
}

BOOST_AUTO_TEST_CASE(empty_weights_have_no_error) {
  BOOST_TEST(layer_error(matrix<float>(0, 4), bitmask(0, 4),
                         gram_of(support::random_matrix(3, 4, 1))) == 0.0);
  BOOST_TEST(layer_error(matrix<float>(3, 0), bitmask(3, 0), gram_of(matrix<float>(2, 0))) == 0.0);
}

BOOST_AUTO_TEST_CASE(unusable_input_is_refused) {
  const auto w = support::random_matrix(2, 4, 1);
  const gram g = gram_of(support::random_matrix(9, 4, 2));
  check_error<tamp::shape_error>("layer_error: the mask is 2 x 3, the weight 2 x 4",
                                 [&] { layer_error(w, bitmask(2, 3), g); });
  check_error<tamp::shape_error>("layer_error: the pruned weight is 4 x 2, the weight 2 x 4",
                                 [&] { layer_error(w, matrix<float>(4, 2), g); });
  check_error<tamp::shape_error>(
      "layer_error: the weight has 4 columns, the statistics cover 3",
      [&] { layer_error(w, without_smallest(w), gram_of(support::random_matrix(9, 3, 2))); });
  check_error<tamp::value_error>("layer_error: the statistics have seen no activations",
                                 [&] { layer_error(w, without_smallest(w), gram()); });
  auto broken = w;
  broken(1, 3) = -support::infinity;
  check_error<tamp::value_error>("layer_error: the weight in row 1, column 3 is -inf",
                                 [&] { layer_error(broken, without_smallest(w), g); });
  check_error<tamp::value_error>(
      "layer_error: the weight in row 1, column 3 of the pruned layer is -inf",
      [&] { layer_error(w, broken, g); });
  check_error<tamp::value_error>("layer_error: the error of row 0 is too large for a double", [&] {
    layer_error(matrix<double>(2, 4, 1e200), bitmask(2, 4, false), g);
  });
}

BOOST_AUTO_TEST_SUITE_END()
