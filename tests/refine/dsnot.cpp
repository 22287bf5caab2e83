#include <tamp/refine/dsnot.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(refine_dsnot)

using support::check_error;
using support::matrix;
using support::without_smallest;
using tamp::mask::bitmask;
using tamp::refine::dsnot;
using tamp::stat::sequence_moments;

namespace {

sequence_moments moments_of(const matrix<float>& x) {
  sequence_moments seen;
  seen.add(x);
  return seen;
}

matrix<float> sizes_of(const matrix<float>& w) {
  matrix<float> sizes = w;
  for (std::size_t k = 0; k < w.rows() * w.cols(); ++k) sizes.data()[k] = std::abs(w.data()[k]);
  return sizes;
}

// Tokens whose features have a mean.
matrix<float> shifted(std::size_t tokens, std::size_t features, unsigned seed) {
  auto x = support::random_matrix(tokens, features, seed);
  for (std::size_t k = 0; k < tokens * features; ++k) x.data()[k] += 0.3f;
  return x;
}

double expected_error(const matrix<float>& w, const bitmask& keep, const sequence_moments& seen,
                      std::size_t i) {
  const auto sums = seen.sums();
  double error = 0;
  for (std::size_t j = 0; j < w.cols(); ++j)
    if (!keep(i, j)) error += double(w(i, j)) * sums[j];
  return error;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Sums 1, 3, -4, 2 and variances 1/4, 9/4, 4, 1 of one token and zeros. D is 1, 6, -12, 8, the
  // dropped ones add up to e = 7. Restored is 1, whose 1 / (1/4) is above 6 / (9/4), for -12: the
  // only kept one below 0. Then e = 7 - 12 - 1 = -6, and no dropped one of e's sign is left but -12
  // itself, which was not dropped at first.
  const matrix<float> x{{1, 3, -4, 2}, {0, 0, 0, 0}}, w{{1, 2, 3, 4}};
  bitmask keep(1, 4);
  keep.set(0, 0, false);
  keep.set(0, 1, false);
  const auto moved = dsnot{}(w, keep, moments_of(x), sizes_of(w));
  BOOST_TEST(moved(0, 0));
  BOOST_TEST(!moved(0, 1));
  BOOST_TEST(!moved(0, 2));
  BOOST_TEST(moved(0, 3));
  BOOST_TEST((dsnot{.same_sign = true}(w, keep, moments_of(x), sizes_of(w)) == keep));
  BOOST_TEST((dsnot{.cycles = 0}(w, keep, moments_of(x), sizes_of(w)) == keep));
  BOOST_TEST((dsnot{.threshold = 7}(w, keep, moments_of(x), sizes_of(w)) == keep));
  // Without the variance the largest D is restored: 6.
  const auto other = dsnot{.power = 0}(w, keep, moments_of(x), sizes_of(w));
  BOOST_TEST(!other(0, 0));
  BOOST_TEST(other(0, 1));
}

BOOST_AUTO_TEST_CASE(counts_stay_and_the_expected_error_shrinks) {
  const auto x = shifted(30, 60, 1), w = support::random_matrix(20, 60, 2);
  const auto seen = moments_of(x);
  const bitmask keep = without_smallest(w);
  const bitmask moved = dsnot{}(w, keep, seen, sizes_of(w));
  double before = 0, after = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    BOOST_TEST(moved.count(i) == 30u);
    before += std::abs(expected_error(w, keep, seen, i));
    after += std::abs(expected_error(w, moved, seen, i));
  }
  BOOST_TEST(after < 0.5 * before);
}

BOOST_AUTO_TEST_CASE(equal_scores_are_dropped_and_equal_quotients_restored_by_column) {
  // All D are 1 or -1: dropped are four of 1, so that e = 4, and -1 are dropped for 1 twice.
  matrix<float> tokens(2, 8), w(1, 8, 0.5f);
  for (std::size_t j = 0; j < 8; ++j) tokens(0, j) = 2;
  for (std::size_t j = 4; j < 8; ++j) w(0, j) = -0.5f;
  bitmask keep(1, 8);
  for (std::size_t j = 0; j < 4; ++j) keep.set(0, j, false);
  const bitmask moved = dsnot{}(w, keep, moments_of(tokens), sizes_of(w));
  const bool expected[] = {false, false, true, true, false, false, true, true};
  for (std::size_t j = 0; j < 8; ++j) BOOST_TEST(moved(0, j) == expected[j]);
}

BOOST_AUTO_TEST_CASE(layouts_and_executors_change_no_bit) {
  const auto x = shifted(30, 37, 3), w = support::random_matrix(9, 37, 4);
  const auto seen = moments_of(x);
  const bitmask expected = dsnot{}(w, without_smallest(w), seen, sizes_of(w));
  BOOST_TEST((expected != without_smallest(w)));
  for (const auto& exec : support::every_executor)
    BOOST_TEST((dsnot{}(exec, w, without_smallest(w), seen, sizes_of(w)) == expected));
  support::in_every_layout(w, [&](auto m) {
    BOOST_TEST((dsnot{}(m, without_smallest(w), seen, sizes_of(w)) == expected));
  });
}

BOOST_AUTO_TEST_CASE(unusable_input_is_refused) {
  const auto w = support::random_matrix(2, 4, 1);
  const auto seen = moments_of(shifted(9, 4, 2));
  check_error<tamp::shape_error>("dsnot: the mask is 2 x 3, the weight 2 x 4",
                                 [&] { dsnot{}(w, bitmask(2, 3), seen, sizes_of(w)); });
  check_error<tamp::shape_error>("dsnot: the mask is 2 x 4, the weight of the scores 2 x 5", [&] {
    dsnot{}(w, without_smallest(w), seen, matrix<float>(2, 5));
  });
  check_error<tamp::shape_error>("dsnot: the weight has 4 columns, the statistics cover 5", [&] {
    dsnot{}(w, without_smallest(w), moments_of(shifted(9, 5, 2)), sizes_of(w));
  });
  check_error<tamp::value_error>("dsnot: the statistics have seen no activations", [&] {
    dsnot{}(w, without_smallest(w), sequence_moments(), sizes_of(w));
  });
  check_error<tamp::value_error>("dsnot: the threshold is -1, the power 1", [&] {
    dsnot{.threshold = -1}(w, without_smallest(w), seen, sizes_of(w));
  });
  auto broken = w;
  broken(1, 2) = support::not_a_number;
  check_error<tamp::value_error>("dsnot: the weight in row 1, column 2 is nan",
                                 [&] { dsnot{}(broken, without_smallest(w), seen, sizes_of(w)); });
  check_error<tamp::value_error>("dsnot: the weight in row 1, column 2 of the scores is nan",
                                 [&] { dsnot{}(w, without_smallest(w), seen, broken); });
}

BOOST_AUTO_TEST_SUITE_END()
